"""The operating point that a user states on the command line of `kws retrain`."""

from pathlib import Path

import pytest
from experiments import run_kws, write_preset

from flows.commands.retrain import operating_point
from kws_core.presets import load_experiment


@pytest.mark.parametrize(("far", "rate"), [(0.05, None), (None, 0.5)])
def test_a_wish_takes_the_place_of_the_presets(tmp_path: Path, far: float | None, rate: float | None) -> None:
    for preset in ({"far": 0.1}, {"max_false_alarms_per_hour": 3.0}):
        path = write_preset(tmp_path / "preset.yaml", _experiment(preset))
        backends = load_experiment(path, operating_point(far, rate)).backends
        assert (backends.far, backends.max_false_alarms_per_hour) == (far, rate)
        kept = load_experiment(path, operating_point(None, None)).backends
        assert kept.model_dump()[next(iter(preset))] == next(iter(preset.values()))


def test_two_wishes_at_once_are_refused(tmp_path: Path) -> None:
    wishes = ("--far", "0.1", "--max-false-alarms-per-hour", "1")
    finished = run_kws("retrain", "--preset", "demo", *wishes, cwd=tmp_path, timeout_s=60)
    assert finished.status == 1
    (line,) = finished.stderr.splitlines()
    assert "backends: Value error, exactly one of far and max_false_alarms_per_hour is needed" in line
    assert not (tmp_path / "runs").exists()


def _experiment(backends: dict[str, float]) -> dict[str, object]:
    corpora = {"demo": {"recipe": "demo"}}
    return {"name": "wish", "corpora": corpora, "selection": {"keywords": ["music"]}, "backends": backends}
