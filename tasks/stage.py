"""What every stage of the pipeline has in common: its name as a Prefect task and what is worth a retry."""

import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

from kws_core.errors import KwsError

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_S = [1.0, 5.0]


class StageTask(Generic[P, R]):
    """A stage; calling it runs `fn` as a Prefect task.

    The task is made at the first call: processes of Ray import stages for what is in their files, and would spend most
    of their start on Prefect.
    """

    def __init__(self, name: str, fn: Callable[P, R]) -> None:
        functools.update_wrapper(self, fn)
        self.name = name
        self.fn = fn

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the stage within the current flow."""
        result: R = self.task(*args, **kwargs)
        return result

    @functools.cached_property
    def task(self) -> Any:
        """The Prefect task. Part keys make it idempotent, so Prefect caches nothing; bad input is not retried."""
        from prefect import task
        from prefect.cache_policies import NO_CACHE

        return task(
            name=self.name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=len(RETRY_DELAYS_S),
            retry_delay_seconds=RETRY_DELAYS_S,
            retry_condition_fn=_can_help,
        )(self.fn)


def stage_task(name: str) -> Callable[[Callable[P, R]], StageTask[P, R]]:
    """Make a Prefect task of a stage."""

    def decorate(function: Callable[P, R]) -> StageTask[P, R]:
        return StageTask(name, function)

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
