"""Garbage among the recordings, wrong transcripts, absurd fields and hostile archives: told, and the model is made."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from experiments import run_kws
from fault_rows import Row, note
from local_line import Line, LocalRetrain, run_to_end

pytestmark = pytest.mark.slow

SPEECH = np.random.default_rng(0).uniform(-0.3, 0.3, 16000)
WRONG_EVERY = 90
"""One in so many recordings says something else than its transcript."""


def _wav(path: Path, samples: Any, subtype: str = "PCM_16") -> None:
    soundfile.write(path, samples, 16000, subtype=subtype)


def _cut(path: Path) -> None:
    sound = io.BytesIO()
    soundfile.write(sound, SPEECH, 16000, format="FLAC")
    path.write_bytes(sound.getvalue()[:200])


GARBAGE: dict[str, Callable[[Path], None]] = {
    "letter.wav": lambda path: path.write_bytes(b"Dear all, this is no recording.\n" * 50) and None,
    "nan.wav": lambda path: _wav(path, np.full(16000, np.nan), "FLOAT"),
    "nothing.wav": lambda path: path.write_bytes(b"") and None,
    "zero_seconds.wav": lambda path: _wav(path, np.zeros(0)),
    "silence.wav": lambda path: _wav(path, np.zeros(16000)),
    "cut.flac": _cut,
}


def test_a_poisoned_corpus(line: Line, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    lines, good, wrong = ["path\tspeaker\ttext"], 0, 0
    rows = [row for part in sorted(line.reference.glob("parts/utterances/*[0-9a-f].parquet")) for row in _rows(part)]
    for number, row in enumerate(rows):
        (folder / f"{number}.flac").write_bytes(row["audio"])
        # a keyword's transcript under another word's recording
        text = "computer" if number % WRONG_EVERY == 17 else row["text"]
        lines.append(f"{number}.flac\t{row['speaker_id']}\t{text}")
        wrong += text != row["text"]
        good += 1
    bad = []
    for name, make in GARBAGE.items():
        make(folder / name)
        lines.append(f"{name}\tmallory\tcomputer")
        bad.append(name)
    lines.append("../../../etc/passwd\tmallory\tcomputer")
    lines.append("gone.wav\tmallory\tcomputer")
    bad += ["../../../etc/passwd", "gone.wav"]
    for name, fields in {"no_text.wav": "mallory\t", "no_speaker.wav": "\tmusic"}.items():
        _wav(folder / name, SPEECH[: 12000 + len(name)])
        lines.append(f"{name}\t{fields}")
        bad.append(name)
    (folder / "table.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    # readable although odd: eight bits, and a transcript of quotes and a speaker that looks like a path
    _wav(folder / "eight.wav", SPEECH, "PCM_U8")
    with (folder / "table.tsv").open("a", encoding="utf-8") as table:
        table.write('eight.wav\t../../mallory\t"music"\n')
    corpora = {"ours": {"recipe": "manifest", "path": str(folder / "table.tsv"), "licence": "CC0-1.0"}}
    retrain = LocalRetrain(
        line, tmp_path / "run", tmp_path / "store", {"corpora": corpora, "rejection": {"ingest": 0.05}}
    )
    end = run_to_end(retrain)
    assert end.well, retrain.terminal()[-3000:]
    assert "Traceback" not in retrain.terminal()
    assert retrain.facts() == {"aliases": {"challenger": "1", "champion": "1"}, "versions": ["1"]}

    store = tmp_path / "store" / "parts"
    quarantined = [row for part in sorted((store / "utterances").glob("*.quarantine.parquet")) for row in _rows(part)]
    assert sorted(row["source"] for row in quarantined) == sorted(bad)
    assert all(row["reason"] for row in quarantined)
    kept = [
        row
        for part in sorted((store / "utterances").glob("*.parquet"))
        if "quar" not in part.name
        for row in _rows(part)
    ]
    assert len(kept) == good + 1
    assert {row["source"] for row in kept} == {f"{number}.flac" for number in range(good)} | {"eight.wav"}
    assert f"{good + 1:,} rows, {len(bad)} rejected" in retrain.terminal()
    note(
        Row(
            8,
            f"{len(bad)} garbage recordings and rows, {wrong} wrong transcripts among {good} recordings",
            "ingest",
            f"utterances: {len(kept)} rows, {len(bad)} rejected, each in quarantine with its reason",
            "by itself, promoted",
        )
    )


def test_more_garbage_than_is_accepted_stops_the_run_with_the_first_reasons(line: Line, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    lines = ["path\tspeaker\ttext"]
    for number in range(20):
        _wav(folder / f"{number}.wav", SPEECH[: 8000 + 16 * number])
        lines.append(f"{number}.wav\ts{number}\tcomputer")
    (folder / "letter.wav").write_bytes(b"no recording")
    lines.append("letter.wav\tmallory\tcomputer")
    (folder / "table.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    corpora = {"ours": {"recipe": "manifest", "path": str(folder / "table.tsv"), "licence": "CC0-1.0"}}
    retrain = LocalRetrain(line, tmp_path / "run", tmp_path / "store", {"corpora": corpora})
    end = run_to_end(retrain)
    assert not end.well
    assert end.said.startswith("error: utterances: 1 of 21 inputs were rejected, at most 2.0% are accepted: letter.wav")
    assert "Traceback" not in retrain.terminal()
    note(Row(8, "more garbage than rejection.ingest accepts", "ingest", end.said, "refused, as it should be"))


def _member(name: str, content: bytes = b"x", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content) if not fields else 0
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry, content if not fields else b""


HOSTILE = {
    "a path that leaves the folder": _member("cv-corpus/../../../escaped.txt"),
    "an absolute path": _member("/tmp/kws-escaped.txt"),  # noqa: S108 - must not come to be
    "a link to elsewhere": _member("cv-corpus/en/clips/a.mp3", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a bomb": _member("cv-corpus/en/clips/a.mp3", bytes(400_000_000)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive(kind: str, tmp_path: Path) -> None:
    archive = tmp_path / "cv-corpus-en.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        entry, content = HOSTILE[kind]
        packed.addfile(entry, io.BytesIO(content))
    settings = (f"path={archive}", f"folder={tmp_path / 'extracted'}")
    given = [argument for setting in settings for argument in ("--set", setting)]
    command = ("ingest", "--recipe", "common_voice", "--drop", "2026-11", "--store", str(tmp_path / "store"), *given)
    done = run_kws(*command, cwd=tmp_path, timeout_s=600)
    said = done.stderr.strip().splitlines()[-1]
    assert done.status == 1, done.stderr
    assert said.startswith("error: "), done.stderr
    assert str(archive) in said or archive.name in said
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not Path("/tmp/kws-escaped.txt").exists()  # noqa: S108
    assert not list((tmp_path / "extracted").rglob("*.mp3"))
    note(Row(8, f"archive with {kind}", "ingest", said.replace(str(tmp_path), "…"), "refused, as it should be"))


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
