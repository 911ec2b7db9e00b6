"""`kws enrol` and `kws spot` as a user types them, on an encoder that was never trained."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from experiments import Finished, run_kws

sys.path.insert(0, str(Path(__file__).parents[1] / "kws_core"))
from encoder_bundles import make_encoder_bundle, say

FAR = ("--far", "0.002")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder bundle in `bundle`, and recordings."""
    folder = tmp_path_factory.mktemp("enrol")
    make_encoder_bundle(folder)
    for word in ("marvin", "window"):
        for rate in (150, 165, 180):
            soundfile.write(folder / f"{word}{rate}.wav", say(word, rate=rate), 16000)
    silence = np.zeros(16000, np.float32)
    said = [say(word, rate=160) for word in ("garden", "marvin", "window")]
    soundfile.write(folder / "recording.flac", np.concatenate([silence, *said, silence]), 16000)
    return folder


def sentence(finished: Finished) -> str:
    """The one line `error: …` that a failed command leaves."""
    assert finished.status == 1, (finished.stdout, finished.stderr)
    assert finished.stdout == ""
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def enrol(folder: Path, word: str, *more: str) -> Finished:
    recordings = [f"{word}{rate}.wav" for rate in (150, 165, 180)]
    return run_kws("enrol", word, *recordings, *FAR, *more, cwd=folder, timeout_s=60)


def test_two_keywords_are_enrolled_and_spotted(folder: Path) -> None:
    first = enrol(folder, "marvin", "--bundle", "bundle", "--out", "own")
    assert first.status == 0, first.stderr
    assert "marvin: 3 examples, least agreement 0." in first.stdout
    assert "try kws spot RECORDING --model own" in first.stdout
    assert first.seconds < 15, "neither Prefect, Ray nor MLflow is needed"
    second = enrol(folder, "window", "--bundle", "own", "--out", "own")
    assert second.status == 0, second.stderr
    assert "own: marvin, window" in second.stdout
    spotted = run_kws("spot", "recording.flac", "--model", "own", "--json", cwd=folder, timeout_s=60)
    assert spotted.status == 0, spotted.stderr
    rows = [json.loads(line) for line in spotted.stdout.splitlines()]
    # an encoder that was never trained has false alarms; the best of each keyword is where it is said
    best = {row["keyword"]: row for row in sorted(rows, key=lambda row: row["score"])}
    assert 1.0 < best["marvin"]["start_s"] < best["window"]["start_s"] < 5.0


def test_a_wish_in_false_alarms_an_hour_is_calibrated_on_recordings(folder: Path) -> None:
    others = folder / "others" / "deeper"
    others.mkdir(parents=True)
    for word in ("garden", "silver"):
        soundfile.write(others / f"{word}.flac", say(word), 16000)
    recordings = [f"marvin{rate}.wav" for rate in (150, 165, 180)]
    wish = ("--max-false-alarms-per-hour", "2")
    command = ("enrol", "marvin", *recordings, "--bundle", "bundle", "--out", "quiet", *wish)
    finished = run_kws(*command, "--without", "others", "--without", "window150.wav", cwd=folder, timeout_s=60)
    assert finished.status == 0, finished.stderr
    assert "at most 2 false alarms an hour in 0.000" in finished.stdout
    assert "of 3 recordings" in finished.stdout
    assert "h are too few for 2 false alarms an hour of each keyword" in finished.stdout
    assert sentence(run_kws(*command, cwd=folder, timeout_s=60)).startswith("quiet: exists already")
    (folder / "empty").mkdir()
    again = (*command[:-3], "new", *wish)
    message = sentence(run_kws(*again, "--without", "empty", cwd=folder, timeout_s=60))
    assert message.startswith("empty: no recordings there (.wav")
    message = sentence(run_kws(*again, cwd=folder, timeout_s=60))
    assert message.startswith("max_false_alarms_per_hour is 2; from a cohort of 50 segments, at least 30 and less")


def test_an_encoder_without_keywords_cannot_spot(folder: Path) -> None:
    message = sentence(run_kws("spot", "recording.flac", "--model", "bundle", cwd=folder, timeout_s=60))
    assert message == "bundle: an encoder without keywords; enrol one by example first, with kws enrol"


def test_nothing_that_exists_is_overwritten(folder: Path) -> None:
    kept = folder / "kept"
    kept.mkdir(exist_ok=True)
    (kept / "thesis.txt").write_text("years of work")
    message = sentence(enrol(folder, "marvin", "--bundle", "bundle", "--out", "kept"))
    assert message.startswith("kept: exists already; give --bundle kept to add to it")
    message = sentence(enrol(folder, "marvin", "--bundle", "kept", "--out", "kept"))
    assert message.startswith("kept: holds thesis.txt, which is no file of a bundle")
    assert (kept / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("absent.wav", "--bundle", "bundle"), "absent.wav: cannot be read: No such file or directory"),
        (("marvin150.wav", "--bundle", "absent"), "absent: no bundle there (bundle.json is missing)"),
        (("marvin150.wav", "--bundle", "bundle", "--far", "0.0001"), "far is 0.0001; from a cohort of 50 segments"),
        (("recording.flac", "--bundle", "bundle"), "recording.flac: 2."),
        (("marvin150.wav", "--bundle", "models:/absent@champion"), "absent: no registry at runs/absent/mlflow.db"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, arguments: tuple[str, ...], told: str) -> None:
    far = () if "--far" in arguments else FAR
    message = sentence(run_kws("enrol", "marvin", *arguments, *far, "--out", "new", cwd=folder, timeout_s=60))
    assert message.startswith(told)
    assert not (folder / "new").exists()
