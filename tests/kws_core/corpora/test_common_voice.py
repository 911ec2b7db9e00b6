"""Common Voice from the user's archive, and from the folder that was extracted from it."""

import os
import tarfile
from pathlib import Path

import pytest
from published_corpora import pack, sound

from kws_core.config import CommonVoiceCorpusConfig, IngestConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.corpora.common_voice import common_voice_speaker
from kws_core.errors import CorpusError

TOP = "cv-corpus-17.0-2024-03-15"
HEADER = "client_id\tpath\tsentence_id\tsentence\tlocale"
CLIPS = {f"common_voice_cy_{number}.mp3": number for number in range(7)}


def row(clip: str, client: str, sentence: str = "Bore da", locale: str = "cy") -> str:
    return f"{client}\t{clip}\t0\t{sentence}\t{locale}"


def archive(folder: Path) -> Path:
    """One language: clips 0 to 3 are official, 4 is validated only, 5 is another's, 6 nobody's."""
    names = list(CLIPS)
    tables = {
        "train": [row(names[0], "a"), row(names[1], "a", 'Say "hello" or "twice'), "a\ttoo few"],
        "dev": [row(names[2], "b"), row("gone.mp3", "b"), row(names[2], "b")],
        "test": [row(names[3], "c"), row(names[5], "c", locale="en"), row(names[4], "")],
        "validated": [*(row(names[number], "abc"[number % 3]) for number in (0, 1, 2, 3)), row(names[4], "d")],
    }
    members: dict[str, bytes | str] = {
        f"{TOP}/cy/clips/{name}": sound(number, "MP3", "MPEG_LAYER_III") for name, number in CLIPS.items()
    }
    members |= {f"{TOP}/cy/{table}.tsv": "\n".join([HEADER, *rows]) + "\n" for table, rows in tables.items()}
    members[f"{TOP}/cy/reported.tsv"] = "sentence_id\tsentence\tlocale\treason\n1\tx\tcy\ty\n"
    pack(folder / f"{TOP}-cy.tar.gz", members)
    return folder / f"{TOP}-cy.tar.gz"


def section(path: Path, folder: Path, **more: object) -> CommonVoiceCorpusConfig:
    return CommonVoiceCorpusConfig.model_validate(
        {"path": str(path), "folder": str(folder), "language": "cy", "aligner": "whole_clip", **more}
    )


def test_every_row_and_clip_is_listed_or_reported(tmp_path: Path) -> None:
    config = section(archive(tmp_path), tmp_path / "corpora")
    recordings = plan_corpus(config)
    output, _ = prepare_part("cv", config, IngestConfig(), recordings)
    found = {
        row["source"].rpartition("_")[2]: (row["speaker_id"], row["original_text"], row["split"], row["licence"])
        for row in output.table.to_pylist()
    }
    a, b, c = (common_voice_speaker(client) for client in "abc")
    assert found == {
        "0.mp3": (a, "Bore da", "train", "CC0-1.0"),
        "1.mp3": (a, 'Say "hello" or "twice', "train", "CC0-1.0"),
        "2.mp3": (b, "Bore da", "development", "CC0-1.0"),
        "3.mp3": (c, "Bore da", "test", "CC0-1.0"),
    }
    assert {row["source"].rpartition("/")[2]: row["reason"] for row in output.quarantine.to_pylist()} == {
        "train.tsv line 4": "the row has not the columns of its header",
        "dev.tsv line 3": "there is no recording 'clips/gone.mp3'",
        "dev.tsv line 4": "clips/common_voice_cy_2.mp3 is listed before",
        "test.tsv line 3": "locale is 'en', not 'cy'",
        "test.tsv line 4": "client_id is empty",
        "common_voice_cy_6.mp3": "no table lists it",
    }


def test_validated_clips_have_the_official_split_where_they_have_one(tmp_path: Path) -> None:
    config = section(archive(tmp_path), tmp_path / "corpora", tables=("validated", "train"))
    listed = [recording for recording in plan_corpus(config) if not recording.problem]
    splits = {recording.source.rpartition("_")[2]: recording.split for recording in listed}
    assert splits == {"0.mp3": "train", "1.mp3": "train", "2.mp3": "development", "3.mp3": "test", "4.mp3": "test"}


def test_an_archive_is_extracted_once_and_known_by_its_content(tmp_path: Path) -> None:
    path = archive(tmp_path)
    config = section(path, tmp_path / "corpora")
    recordings = plan_corpus(config)
    state = path.stat()
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))  # would not extract
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert plan_corpus(config) == recordings
    path.write_bytes(content)
    assert plan_corpus(config) == recordings, "touched, but the same"
    path.write_bytes(b"x" * len(content))
    with pytest.raises(CorpusError, match=r"cy\.tar\.gz"):
        plan_corpus(config)


def test_an_extracted_folder_is_read_where_it_lies(tmp_path: Path) -> None:
    with tarfile.open(archive(tmp_path)) as packed:
        packed.extractall(tmp_path / "mine", filter="data")
    texts = []
    for path in (tmp_path / "mine", tmp_path / "mine" / TOP, tmp_path / "mine" / TOP / "cy"):
        recordings = plan_corpus(section(path, tmp_path / "corpora"))
        texts.append([(recording.source, recording.digest) for recording in recordings])
    assert texts[0] == texts[1] == texts[2]
    assert len(texts[0]) == 10
    assert not (tmp_path / "corpora").exists()


def test_what_is_no_common_voice_is_one_sentence(tmp_path: Path) -> None:
    path = archive(tmp_path)
    with pytest.raises(CorpusError, match="there is no such archive or folder of Common Voice"):
        plan_corpus(section(tmp_path / "none.tar.gz", tmp_path / "corpora"))
    with pytest.raises(CorpusError, match="holds cy, not language 'de'"):
        plan_corpus(section(path, tmp_path / "corpora", language="de"))
    with pytest.raises(CorpusError, match=r"other\.tsv is missing .*; it has dev\.tsv, test\.tsv, train\.tsv, valid"):
        plan_corpus(section(path, tmp_path / "corpora", tables=("other",)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="no folder in it holds clips"):
        plan_corpus(section(tmp_path / "empty", tmp_path / "corpora"))
