"""What every Prefect task of the pipeline has in common: its name and what is worth a retry."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from kws_core.errors import KwsError

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_S = [1.0, 5.0]


def stage_task(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a Prefect task of a stage.

    Part keys make it idempotent, so Prefect caches nothing; bad input is not retried.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        return task(
            name=name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=len(RETRY_DELAYS_S),
            retry_delay_seconds=RETRY_DELAYS_S,
            retry_condition_fn=_can_help,
        )(function)

    return decorate


def _can_help(task: Any, run: Any, state: Any) -> bool:
    """Retry a lost connection or node; never a user's mistake or a defect."""
    try:
        state.result()
    except KwsError:
        return False
    except (ConnectionError, TimeoutError):
        return True
    except Exception as error:
        return type(error).__module__.startswith("ray.exceptions")
    return False
