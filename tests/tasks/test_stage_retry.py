"""What is worth another attempt of a stage."""

from typing import Any

import pytest
from prefect.states import Completed, Failed, State
from ray.exceptions import NodeDiedError, RayActorError

from kws_core.errors import AudioError, KwsError, StoreError
from tasks.stage import RETRY_DELAYS_S, _can_help, stage_task


def _failed(error: Exception) -> State[Any]:
    return Failed(data=error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("reset"),
        ConnectionRefusedError("refused"),
        TimeoutError("slow"),
        RayActorError(),
        NodeDiedError("gone"),
    ],
)
def test_a_lost_connection_or_node_is_worth_a_retry(error: Exception) -> None:
    assert _can_help(None, None, _failed(error)) is True


@pytest.mark.parametrize(
    "error", [KwsError("no"), StoreError("no"), AudioError("no"), ValueError("bug"), KeyError("x")]
)
def test_a_users_mistake_or_a_defect_is_not(error: Exception) -> None:
    assert _can_help(None, None, _failed(error)) is False


def test_nothing_is_done_again_that_succeeded() -> None:
    assert _can_help(None, None, Completed(data=1)) is False


def test_stages_carry_the_condition() -> None:
    @stage_task("some")
    def some() -> int:
        """Answer."""
        return 7

    assert some.name == some.task.name == "some"
    assert some.task.retries == len(RETRY_DELAYS_S) > 0
    assert some.task.retry_delay_seconds == RETRY_DELAYS_S
    assert some.task.retry_condition_fn is _can_help
    assert some.task.persist_result is False
    assert some.fn() == 7
