"""Bad input through the real `kws`: one sentence, a failing exit status, no traceback and no log."""

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from experiments import Finished, FullRun, run_kws, tiny_experiment, write_preset

from kws_core.bundle import DESCRIPTION, ENCODER

SPEAKERS = ("anna", "bert", "cleo", "dora", "emil", "fay")


def sentence(finished: Finished) -> str:
    """The one line `error: …` that a failed command leaves, after the lines of finished stages."""
    assert finished.status == 1, (finished.stdout, finished.stderr)
    assert finished.stdout == ""
    for noise in ("Traceback", "prefect", "Task run", "Flow run", "RayTaskError", "\tat ", "core_worker"):
        assert noise not in finished.stderr
    *stages, last = finished.stderr.splitlines()
    assert last.startswith("error: ")
    assert all(re.match(r"[a-z]+ {2,}\S", line) for line in stages), stages
    return last.removeprefix("error: ")


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_preset(tmp_path_factory.mktemp("preset") / "tiny.yaml")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--preset", "demoo"), ("preset 'demoo' is unknown", "demo")),
        (("--preset", "absent.yaml"), ("absent.yaml does not exist",)),
        (("--preset", "demo", "--set", "training.epoch=3"), ("key 'training.epoch' is unknown",)),
        (("--preset", "demo", "--set", "training.epochs=many"), ("training.epochs", "integer", "'many'")),
        (("--preset", "demo", "--set", "corpora.demo.recipe=dema"), ("corpora.demo", "dema", "'demo', 'manifest'")),
        (("--preset", "demo", "--set", "training.epochs"), ("must look like section.key=value",)),
    ],
)
def test_presets_and_settings(arguments: tuple[str, ...], told: tuple[str, ...], tmp_path: Path) -> None:
    message = sentence(run_kws("retrain", *arguments, cwd=tmp_path, timeout_s=60))
    assert all(piece in message for piece in told), message
    assert not (tmp_path / "runs").exists()


def test_a_store_that_cannot_be_written(preset: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_text("a file where the folder should be")
    message = sentence(run_kws("retrain", "--preset", preset, "--store", store, cwd=tmp_path, timeout_s=60))
    assert f"store '{store}' cannot be written" in message


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (None, "the manifest does not exist"),
        ("path\ttext\na.wav\thello\n", "column 'speaker' is missing; it has path, text"),
        ("path\tspeaker\ttext\n", "no row matches *"),
    ],
    ids=["missing", "column", "empty"],
)
def test_a_manifest_that_cannot_be_used(
    table: str | None, told: str, tmp_path: Path, prefect_server: dict[str, str]
) -> None:
    path = tmp_path / "corpus.tsv"
    if table is not None:
        path.write_text(table, encoding="utf-8")
    preset = _manifest_preset(tmp_path, path)
    finished = run_kws("retrain", "--preset", preset, cwd=tmp_path, timeout_s=120, env=prefect_server)
    assert sentence(finished) == f"{path}: {told}"


def test_too_many_recordings_that_cannot_be_used(tmp_path: Path, prefect_server: dict[str, str]) -> None:
    rejected = {
        "absent.wav": "cannot be read: No such file or directory",
        "empty.wav": "the file is empty",
        "garbage.wav": "not a readable recording (WAV, FLAC, OGG, MP3 are accepted)",
        "mute.wav": "the transcript is empty",
    }
    rows = [(name, "anna", "" if name == "mute.wav" else "hello") for name in rejected]
    generator = np.random.default_rng(0)
    for number, speaker in enumerate([*SPEAKERS, "anna", "bert"]):
        soundfile.write(tmp_path / f"good{number}.wav", generator.normal(0, 0.1, 16000), 16000)
        rows.append((f"good{number}.wav", speaker, "hello there"))
    soundfile.write(tmp_path / "mute.wav", generator.normal(0, 0.1, 16000), 16000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "garbage.wav").write_bytes(b"RIFF" + bytes(range(256)))
    table = tmp_path / "corpus.tsv"
    table.write_text("path\tspeaker\ttext\n" + "".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")

    preset = _manifest_preset(tmp_path, table)
    command = ("retrain", "--preset", preset, "--workspace", tmp_path / "run")
    finished = run_kws(*command, cwd=tmp_path, timeout_s=120, env=prefect_server)
    message = sentence(finished)
    assert message.startswith("utterances: 4 of 12 inputs were rejected, at most 2.0% are accepted: ")
    reasons = [f"{name}: {reason}" for name, reason in rejected.items()]
    assert sum(reason in message for reason in reasons) == 3  # the first three, and a sign that there are more
    assert message.endswith("…")

    parts = tmp_path / "run" / "store" / "parts" / "utterances"
    assert len(list(parts.glob("*.json"))) >= 3
    quarantined = [row for path in parts.glob("*.quarantine.parquet") for row in pq.read_table(path).to_pylist()]
    assert sorted(f"{row['source']}: {row['reason']}" for row in quarantined) == sorted(reasons)
    kept = [path for path in parts.glob("*.parquet") if "quarantine" not in path.name]
    sources = [source for path in kept for source in pq.read_table(path)["source"].to_pylist()]
    assert sorted(sources) == [f"good{number}.wav" for number in range(8)]
    assert "computed" in finished.stderr.splitlines()[0]


# every file, and every damage, is tried where bundles are read
@pytest.mark.parametrize("name", [ENCODER, DESCRIPTION])
def test_a_damaged_bundle(name: str, full_run: FullRun, tmp_path: Path) -> None:
    bundle = shutil.copytree(full_run.bundle, tmp_path / "bundle")
    content = bytearray((bundle / name).read_bytes())
    # one byte: a flipped bit in the graph, a brace that is none
    place = content.rindex(b"}") if name == DESCRIPTION else len(content) // 2
    content[place] ^= 1
    (bundle / name).write_bytes(content)
    finished = run_kws("spot", "a.wav", "--model", bundle, cwd=tmp_path, timeout_s=60)
    assert str(bundle / name) in sentence(finished)


def test_a_bundle_that_is_missing(tmp_path: Path) -> None:
    finished = run_kws("spot", "a.wav", "--model", tmp_path / "absent", cwd=tmp_path, timeout_s=60)
    assert sentence(finished) == f"{tmp_path / 'absent'}: no bundle there (bundle.json is missing)"


@pytest.mark.parametrize("content", [None, b"", b"not a recording"], ids=["missing", "empty", "garbage"])
def test_a_recording_that_cannot_be_read(content: bytes | None, full_run: FullRun, tmp_path: Path) -> None:
    recording = tmp_path / "a.wav"
    if content is not None:
        recording.write_bytes(content)
    finished = run_kws("spot", recording, "--model", full_run.bundle, cwd=tmp_path, timeout_s=60)
    assert sentence(finished).startswith(f"{recording}: ")


@pytest.mark.parametrize("model", ["models:/absent@champion", "models:/tiny/99"])
def test_a_model_that_is_not_registered(model: str, full_run: FullRun, tmp_path: Path) -> None:
    command = ("spot", "a.wav", "--model", model, "--tracking-uri", full_run.tracking_uri)
    finished = run_kws(*command, cwd=tmp_path, timeout_s=90)
    assert sentence(finished).startswith(f"{model} cannot be fetched from {full_run.tracking_uri}: ")


@pytest.mark.parametrize("command", [("spot", "a.wav", "--model", "models:/tiny@champion"), ("rollback", "tiny")])
def test_a_registry_that_is_missing(command: tuple[str, ...], tmp_path: Path) -> None:
    message = sentence(run_kws(*command, cwd=tmp_path, timeout_s=60))
    assert "tiny" in message
    assert message.endswith(": no registry at runs/tiny/mlflow.db; give --tracking-uri or set MLFLOW_TRACKING_URI")


def test_nothing_to_roll_back_to(full_run: FullRun, tmp_path: Path) -> None:
    command = ("rollback", "tiny", "--tracking-uri", full_run.tracking_uri)
    message = sentence(run_kws(*command, cwd=tmp_path, timeout_s=90))
    assert message == "tiny has no version with the alias previous: there is nothing to roll back to"


def _manifest_preset(folder: Path, table: Path) -> Path:
    """A preset of one manifest corpus, with parts of about one speaker."""
    experiment = tiny_experiment(corpora={"own": {"recipe": "manifest", "path": str(table)}})
    experiment["ingest"] = {"part_bytes": 32_000}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(experiment), encoding="utf-8")
    return path
