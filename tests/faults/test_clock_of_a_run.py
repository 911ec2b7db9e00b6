"""The clock of the machine of a run jumps while it runs."""

from pathlib import Path

import pytest
from fake_clock import DAY_S, HOUR_S, FakeClock
from local_line import Line, LocalRetrain
from retrains import MOMENTS, Trial, note_trial

pytestmark = pytest.mark.slow

JUMPS = {
    "featurise": (HOUR_S, "an hour forward"),
    "search": (-DAY_S, "a day and an hour back"),
    "register": (DAY_S, "two days forward"),
}
assert tuple(JUMPS) == MOMENTS


def test_a_clock_that_jumps_in_mid_run(line: Line, tmp_path: Path) -> None:
    clock = FakeClock(tmp_path / "offset")
    retrain = LocalRetrain(line, tmp_path / "run", line.with_segments(tmp_path / "store"), env=clock.env)
    trial = Trial(retrain, lambda moment: clock.set(JUMPS[moment][0]))
    trial.carry_out()
    retrain.check(line.files)
    assert not trial.ends
    note_trial(6, trial, line, {moment: f"the run's clock jumps {words}" for moment, (_, words) in JUMPS.items()})
