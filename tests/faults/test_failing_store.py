"""S3 that answers 503, is slow, cuts connections or is gone: for a minute, and for as long as the run lasts."""

import time

import pytest
from fault_stack import FaultStack
from retrains import MOMENTS, Retrain, Trial, Undisturbed, check_result, note_trial, with_segments
from store_front import CUTS, REFUSES, SLOW

pytestmark = pytest.mark.slow

MINUTE_S = 60.0
GONE = "is gone"
ROUNDS = {
    "first": dict(zip(MOMENTS, (REFUSES, CUTS, SLOW), strict=True)),
    "second": dict(zip(MOMENTS, (CUTS, GONE, REFUSES), strict=True)),
    "third": dict(zip(MOMENTS, (SLOW, REFUSES, GONE), strict=True)),
}
"""The fault of each moment of a run."""


@pytest.mark.parametrize("number", ROUNDS)
def test_a_minute_of_trouble(number: str, running: FaultStack, undisturbed: Undisturbed) -> None:
    name = f"store-{number}"
    with_segments(running, undisturbed.prefix, f"{name}/")
    faults = ROUNDS[number]

    def inflict(moment: str) -> None:
        _begin(running, faults[moment])
        time.sleep(MINUTE_S)
        _end(running)

    trial = Trial(Retrain(running, name), inflict)
    try:
        trial.carry_out()
    finally:
        _end(running)
    check_result(running, undisturbed, name)
    note_trial(2, trial, undisturbed, {moment: f"S3 {fault} for 60 s" for moment, fault in faults.items()})


@pytest.mark.parametrize("fault", [REFUSES, GONE])
def test_trouble_for_as_long_as_the_run_lasts(fault: str, running: FaultStack, undisturbed: Undisturbed) -> None:
    name = "store-gone" if fault == GONE else "store-refuses"
    with_segments(running, undisturbed.prefix, f"{name}/")
    retrain = Retrain(running, name)
    trial = Trial(retrain, lambda _: _begin(running, fault), moments=("featurise",), mend=lambda: _end(running))
    try:
        trial.carry_out()
    finally:
        _end(running)
    check_result(running, undisturbed, name)
    (said,) = trial.ends["featurise"]
    assert said.startswith("error: "), said
    assert "s3://kws" in said, said
    assert trial.tracebacks == 0
    note_trial(2, trial, undisturbed, {"featurise": f"S3 {fault} until the run has ended"})


def _begin(running: FaultStack, fault: str) -> None:
    if fault == GONE:
        running.front.stop()
    else:
        running.front.fault = fault


def _end(running: FaultStack) -> None:
    running.front.fault = ""
    if not running.front.listens:
        running.front.start()
