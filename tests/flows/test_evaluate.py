"""`kws evaluate` and `kws compare` as a user types them, and where Prefect finds the page of a run."""

import contextlib
import sqlite3
import sys
from pathlib import Path

import pytest
import soundfile
from experiments import Finished, FullRun, run_kws
from typer.testing import CliRunner

from flows.cli import app
from kws_core.errors import KwsError

sys.path.insert(0, str(Path(__file__).parents[1] / "kws_core"))
from encoder_bundles import make_encoder_bundle, say

VOICES = ("en-us+m1", "en-us+f2", "en-gb-scotland+m3")
WORDS = ("marvin", "window", "garden")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder bundle in `bundle`, and recordings that `words.tsv` lists, one of them silent."""
    folder = tmp_path_factory.mktemp("evaluate")
    make_encoder_bundle(folder)
    lines = ["path\tspeaker\tlabel"]
    for voice in VOICES:
        for word in WORDS:
            for rate in (150, 170):
                name = f"{word}-{voice}-{rate}.flac"
                soundfile.write(folder / name, say(word, voice, rate), 16000)
                lines.append(f"{name}\t{voice}\t{word}")
    soundfile.write(folder / "silent.wav", 0 * say("garden"), 16000)
    (folder / "words.tsv").write_text("\n".join([*lines, "silent.wav\ts\tgarden"]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def enrolled(folder: Path) -> str:
    """The same bundle with a keyword."""
    recordings = [f"marvin-{VOICES[0]}-{rate}.flac" for rate in (150, 170)]
    command = ("enrol", "marvin", *recordings, "--bundle", "bundle", "--out", "own", "--far", "0.02")
    finished = run_kws(*command, cwd=folder, timeout_s=90)
    assert finished.status == 0, finished.stderr
    return "own"


def sentence(finished: Finished) -> str:
    """The one line `error: …` that a failed command leaves."""
    assert finished.status == 1, (finished.stdout, finished.stderr)
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def test_a_bundle_on_own_recordings_beside_another(folder: Path, enrolled: str) -> None:
    command = ("evaluate", "--model", enrolled, "--against", "bundle", "--trials", "words.tsv")
    finished = run_kws(*command, cwd=folder, timeout_s=120)
    assert finished.status == 0, finished.stderr
    assert finished.stderr == "1 of 19 recordings are left out; the page says why\n"
    assert "EER, recordings" in finished.stdout
    assert "= no change" in finished.stdout  # the same encoder
    page = (folder / "evaluation.html").read_text(encoding="utf-8")
    for said in ("own against bundle", "silent.wav: silence", "Keyword by keyword", "Map of embeddings"):
        assert said in page
    assert 'id="fingerprints"' in page


def test_systems_side_by_side_also_a_foreign_one(folder: Path) -> None:
    command = ("compare", "bundle", "universal", "copy.onnx", "--trials", "words.tsv", "--out", "three.html")
    (folder / "copy.onnx").write_bytes((folder / "bundle" / "encoder.onnx").read_bytes())
    finished = run_kws(*command, cwd=folder, timeout_s=120)
    assert finished.status == 0, finished.stderr
    lines = {line.split()[0]: line.split() for line in finished.stdout.splitlines()}
    assert lines["bundle"][1:-2] == lines["copy.onnx"][1:-2], "the same encoder gets the same figures"
    page = (folder / "three.html").read_text(encoding="utf-8")
    for said in ("universal against bundle", "copy.onnx against bundle", "Systems side by side"):
        assert said in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("evaluate", "--model", "absent", "--trials", "words.tsv"), "absent: no bundle there"),
        (("evaluate", "--model", "bundle", "--trials", "absent.tsv"), "absent.tsv: the list of recordings does not"),
        (("evaluate", "--model", "bundle", "--trials", "absent"), "preset 'absent' is unknown; demo, "),
        (("evaluate", "--model", "bundle", "--trials", "words.tsv", "--set", "seed=1"), "--workspace and --set are"),
        (("evaluate", "--model", "bundle", "--trials", "words.tsv", "--speaker-policy", "x"), "--speaker-policy 'x'"),
        (("compare", "bundle", "bundle", "--trials", "words.tsv"), "bundle is named twice"),
        (("compare", "bundle", "absent.onnx", "--trials", "words.tsv"), "absent.onnx: no ONNX model there"),
    ],
)
def test_mistakes_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, KwsError)
    assert str(result.exception).startswith(told)


def test_a_mistake_is_one_sentence(folder: Path) -> None:
    finished = run_kws("compare", "bundle", "absent.onnx", "--trials", "words.tsv", cwd=folder, timeout_s=60)
    assert sentence(finished) == "absent.onnx: no ONNX model there"


@pytest.mark.slow
def test_on_the_trials_of_a_preset(full_run: FullRun, folder: Path, prefect_server: dict[str, str]) -> None:
    champion = ("--model", "models:/tiny@champion", "--trials", full_run.preset)
    page, copy = folder / "preset.html", folder / "copy.onnx"
    finished = run_kws("evaluate", *champion, "--out", page, cwd=full_run.folder, timeout_s=300, env=prefect_server)
    assert finished.status == 0, finished.stderr
    report = (full_run.workspace / "report.html").read_text(encoding="utf-8")
    trials = page.read_text(encoding="utf-8").split('<section id="trials">')[1].split("</section>")[0]
    assert trials in report, "the run's own page has the same figures"
    copy.write_bytes((full_run.bundle / "encoder.onnx").read_bytes())
    command = ("compare", full_run.bundle, copy, "--trials", full_run.preset, "--out", folder / "preset-compare.html")
    finished = run_kws(*command, cwd=full_run.folder, timeout_s=300, env=prefect_server)
    assert finished.status == 0, finished.stderr
    rows = [line.split("  ")[0].strip() for line in finished.stdout.splitlines()]
    assert rows.count("copy.onnx") == rows.count(full_run.bundle.name) > 0


def test_prefect_links_the_page_of_a_run(full_run: FullRun) -> None:
    with contextlib.closing(sqlite3.connect(full_run.folder / ".prefect" / "prefect.db")) as database:
        found = database.execute("select data from artifact where key = 'report-tiny'").fetchall()
    assert found
    assert all((full_run.workspace / "report.html").as_uri() in data for (data,) in found)
