"""What every stage of the pipeline has in common: its name as a Prefect task, its notes, and what is worth a retry."""

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Generic, ParamSpec, TypeVar

from tasks.flow_run import flow_run_id
from tasks.logs import log_ids
from tasks.prefect_log import logged_in_prefect
from tasks.retries import RETRY_DELAYS_S, is_worth_a_retry
from tasks.stage_artifacts import publish_record
from tasks.stage_record import record_stage

P = ParamSpec("P")
R = TypeVar("R")


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

        @functools.wraps(self.fn)
        def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
            subject = _subject([*args, *kwargs.values()])
            with ExitStack() as stack:
                stack.enter_context(log_ids(run=flow_run_id(), stage=self.name))
                stack.enter_context(logged_in_prefect())
                stack.enter_context(record_stage(self.name, subject, publish_record))
                return self.fn(*args, **kwargs)

        return task(
            name=self.name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=len(RETRY_DELAYS_S),
            retry_delay_seconds=RETRY_DELAYS_S,
            retry_condition_fn=_can_help,
        )(recorded)


def stage_task(name: str) -> Callable[[Callable[P, R]], StageTask[P, R]]:
    """Make a Prefect task of a stage."""

    def decorate(function: Callable[P, R]) -> StageTask[P, R]:
        return StageTask(name, function)

    return decorate


def _subject(arguments: list[object]) -> str:
    """The name of the experiment, the study or the corpus that a stage is called for."""
    names = (getattr(each, "name", None) or getattr(each, "corpus", None) for each in arguments)
    return next((name for name in names if isinstance(name, str)), "")


def _can_help(task: Any, run: Any, state: Any) -> bool:
    """Whether another attempt of a stage that ended in this state can end better."""
    try:
        state.result()
    except Exception as error:
        return is_worth_a_retry(error)
    return False
