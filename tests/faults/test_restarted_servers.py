"""MLflow and Prefect asked to end and started again in mid-run, as for an upgrade."""

import pytest
from fault_stack import FaultStack
from retrains import MOMENTS, Retrain, Trial, Undisturbed, check_result, note_trial, with_segments

from infra.stack.services import MLFLOW, PREFECT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("service", [MLFLOW, PREFECT])
def test_a_restarted_server(service: str, running: FaultStack, undisturbed: Undisturbed) -> None:
    name = f"restart-{service}"
    with_segments(running, undisturbed.prefix, f"{name}/")
    trial = Trial(Retrain(running, name), lambda _: running.terminate(service))
    trial.carry_out()
    check_result(running, undisturbed, name)
    note_trial(4, trial, undisturbed, dict.fromkeys(MOMENTS, f"{service} restarted (SIGTERM, start)"))
