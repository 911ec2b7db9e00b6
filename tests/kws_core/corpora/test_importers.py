import base64
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imported_corpora import NOISE, prepare, reasons, rows, sound
from pydantic import ValidationError

from kws_core.audio import decode_flac
from kws_core.config import (
    CorpusSection,
    HuggingFaceCorpusConfig,
    KaldiCorpusConfig,
    LhotseCorpusConfig,
    NemoCorpusConfig,
    SpeakerFoldersCorpusConfig,
)
from kws_core.corpora import plan_corpus
from kws_core.errors import CorpusError


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


def check_refused(config: CorpusSection, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        plan_corpus(config)


# a folder per speaker


def test_speaker_folders(tmp_path: Path) -> None:
    for number, name in enumerate(["a/1.wav", "a/deep/2.flac", "b/3.WAV", "b/4.wav", "b/5.wav", "b/5.flac", "b/6.wav"]):
        sound(tmp_path / name, offset=10 * number)
    sound(tmp_path / "lone.wav", offset=99)
    write(tmp_path, LICENCE__txt="do what you like")
    write(tmp_path / "a", **{"1__lab": "\ufeffGo!\n", "7__lab": "nobody says this"})
    write(tmp_path / "a/deep", **{"2__txt": "stop"})
    write(tmp_path / "b", **{"3__lab": "left", "5__lab": "x", "6__lab": "x", "6__txt": "y", "notes__md": "x"})
    config = SpeakerFoldersCorpusConfig(folder=str(tmp_path), licence="MIT")
    output = prepare(config)
    assert rows(output, "source", "speaker_id", "text", "original_text", "licence") == [
        ("a/1.wav", "a", "go", "Go!", "MIT"),
        ("a/deep/2.flac", "a", "stop", "stop", "MIT"),
        ("b/3.WAV", "b", "left", "left", "MIT"),
    ]
    assert reasons(output) == {
        "a/7.lab": "there is no recording of it",
        "b/4.wav": "it has no transcript",
        "b/5.flac": "b/5.flac and b/5.wav share one transcript",
        "b/5.wav": "b/5.flac and b/5.wav share one transcript",
        "b/6.wav": "it has several transcripts: b/6.lab, b/6.txt",
        "lone.wav": "it lies in no speaker's folder",
    }
    noise = prepare(config.model_copy(update={"use": "noise"}))
    assert "b/4.wav" in noise.table["source"].to_pylist()
    (tmp_path / "a/1.lab").write_bytes(b"\xff\xfe")
    assert reasons(prepare(config))["a/1.wav"] == "its transcript a/1.lab is not UTF-8 (byte 0)"


def test_speaker_folders_that_hold_nothing(tmp_path: Path) -> None:
    check_refused(SpeakerFoldersCorpusConfig(folder=str(tmp_path)), "no recording is in it")
    check_refused(SpeakerFoldersCorpusConfig(folder=str(tmp_path / "x")), "there is no such folder")


# Kaldi


def test_kaldi_with_segments(tmp_path: Path) -> None:
    sound(tmp_path / "audio/call.wav", 4)
    sound(tmp_path / "audio/other.flac", 2, offset=50)
    data = tmp_path / "data/train"
    write(
        data,
        wav__scp="call audio/call.wav\nother\taudio/other.flac\n",
        segments="anna-1 call 0.5 1.5\nbert-1 call 1.5 3.25\nanna-2 other 0 -1\nbad-1 call 2\nbad-2 call 3 2\n"
        "bad-3 gone 0 1\nbad-4 call 0 1\nbad-5 call 0 1\nbad-6 call 3 9\nbad-7 call 0 1\nbad-7 call 1 2\n",
        text="anna-1 Turn it ON\nbert-1 zwei\nanna-2 stop\n" + "".join(f"bad-{i} x\n" for i in (1, 2, 3, 5, 6, 7, 8)),
        utt2spk="anna-1 anna\nanna-2 anna\nbert-1 bert\n" + "".join(f"bad-{i} c\n" for i in (1, 2, 3, 4, 6, 7, 8)),
        utt2lang="anna-1 en\nbert-1 de\n",
    )
    config = KaldiCorpusConfig(folder=str(data), root=str(tmp_path))
    output = prepare(config)
    assert rows(output, "source", "speaker_id", "text", "duration_s") == [
        ("anna-1", "anna", "turn it on", 1.0),
        ("anna-2", "anna", "stop", 2.0),
    ]
    (first, _) = sorted(output.table.to_pylist(), key=lambda row: row["source"])
    np.testing.assert_allclose(decode_flac(first["audio"]) / 32768, NOISE[8000:24000], atol=1e-4)
    assert reasons(output) == {
        "bert-1": "its language is 'de'; the corpus is 'en'",
        "bad-1": "segments has 'call 2', not recording, start and end",
        "bad-2": "its end (2 s) is not after its start (3 s)",
        "bad-3": "wav.scp does not list its recording 'gone'",
        "bad-4": "text does not list it",
        "bad-5": "utt2spk does not list it",
        "bad-6": "it ends at 4.00 s, the span at 9.00 s",
        "bad-7": "segments lists it twice, again in line 11",
        "bad-8": "wav.scp and segments do not list it",
    }


def test_kaldi_without_segments_and_as_noise(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    write(tmp_path, wav__scp=f"u1 {tmp_path}/a.wav\nu2 none.wav\n", text="u1 go\nu2 stop\n", utt2spk="u1 s\nu2 s\n")
    output = prepare(KaldiCorpusConfig(folder=str(tmp_path)))
    assert rows(output, "source", "text") == [("u1", "go")]
    assert reasons(output) == {"u2": "cannot be read: No such file or directory"}
    (tmp_path / "text").unlink()
    check_refused(KaldiCorpusConfig(folder=str(tmp_path)), "text: the Kaldi file does not exist")
    assert rows(prepare(KaldiCorpusConfig(folder=str(tmp_path), use="noise")), "source", "text") == [("u1", "")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sph2pipe -f wav -p x.sph |", r"u is the command 'sph2pipe -f wav -p x.sph \|', and commands are not run"),
        ("| cat", "commands are not run"),
        ("raw.ark:1234", "u is 'raw.ark:1234', a place in an archive; only names of files are accepted"),
        ("a.wav[0:99]", "a range"),
        ("ark,t:x.ark", "an archive or a script"),
        ("-", "the standard input"),
    ],
)
def test_kaldi_runs_no_commands(tmp_path: Path, name: str, message: str) -> None:
    write(tmp_path, wav__scp=f"u {name}\n", text="u go\n", utt2spk="u s\n")
    check_refused(KaldiCorpusConfig(folder=str(tmp_path)), message)


# NeMo


def lines(*values: Any) -> str:
    return "".join((value if isinstance(value, str) else json.dumps(value)) + "\n" for value in values)


def test_nemo(tmp_path: Path) -> None:
    sound(tmp_path / "wav/anna_1.wav")
    sound(tmp_path / "wav/long.wav", 3, offset=7)
    write(
        tmp_path,
        m__json=lines(
            {"audio_filepath": "wav/anna_1.wav", "text": "Go", "duration": 1.0},
            {"audio_filepath": "wav/long.wav", "text": "one", "offset": 0.5, "duration": 1, "speaker": 12},
            {"audio_filepath": "wav/long.wav", "text": "two", "duration": 0.5, "speaker": "12"},
            "",
            "{not json",
            [1, 2],
            {"audio_filepath": "wav/9.wav", "text": 5, "speaker": "x"},
            {"audio_filepath": "wav/long.wav", "text": "x", "offset": "soon", "duration": 1, "speaker": "x"},
            {"text": "x", "speaker": "x"},
            {"audio_filepath": "wav/1.wav", "text": "x"},
        ),
    )
    config = NemoCorpusConfig(path=str(tmp_path / "m.json"), speaker_pattern="([a-z]+)_[0-9]+")
    output = prepare(config)
    assert rows(output, "source", "speaker_id", "text", "duration_s") == [
        ("wav/anna_1.wav", "anna", "go", 1.0),
        ("wav/long.wav from 0 s", "12", "two", 0.5),
        ("wav/long.wav from 0.5 s", "12", "one", 1.0),
    ]
    assert list(zip(output.quarantine["source"].to_pylist(), output.quarantine["reason"].to_pylist(), strict=True)) == [
        ("m.json line 5", "the line is no JSON object"),
        ("m.json line 6", "the line is no JSON object"),
        ("wav/9.wav", "its text is 5, no text"),
        ("wav/long.wav", "its offset 'soon' and duration 1 are not both numbers of seconds"),
        ("m.json line 9", "the path is empty"),
        ("wav/1.wav", "the speaker is empty"),
    ]
    write(tmp_path, m__json="\n")
    check_refused(config, "the manifest has no lines")
    for pattern in ("(", "anna"):
        with pytest.raises(ValidationError, match=r"regular expression|needs a group"):
            NemoCorpusConfig(path="m", speaker_pattern=pattern)


# lhotse


def recording(path: str, channels: int = 1, **more: Any) -> dict[str, Any]:
    source = {"type": "file", "channels": list(range(channels)), "source": path}
    plain = {"id": path, "sources": [source], "sampling_rate": 16000, "num_samples": 48000, "duration": 3.0}
    return {**plain, **more}


def cut(path: str, start: float, supervisions: list[Any], **more: Any) -> dict[str, Any]:
    plain = {"id": f"cut-{path}", "start": start, "duration": 1.0, "channel": 0, "type": "MonoCut"}
    return {**plain, "supervisions": supervisions, "recording": recording(path, more.pop("channels", 1)), **more}


def said(name: str, start: float = 0.0, **more: Any) -> dict[str, Any]:
    plain = {
        "id": name,
        "recording_id": "r",
        "start": start,
        "duration": 1.0,
        "channel": 0,
        "text": name,
        "speaker": "s",
    }
    return {**plain, **more}


def test_lhotse_cuts(tmp_path: Path) -> None:
    sound(tmp_path / "one.wav", 3)
    sound(tmp_path / "two.wav", 3, offset=5, channels=2)
    speeds = {"transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}
    web = {"sources": [{"type": "url", "channels": [0], "source": "web"}]}
    manifest = lines(
        cut("one.wav", 1.0, [said("a", 0.25), said("b", -0.5, duration=0.5, language="English")]),
        cut("two.wav", 0.0, [said("left"), said("right", channel=1)], channels=2, type="MultiCut", channel=[0, 1]),
        {"id": "mixed", "type": "MixedCut", "tracks": []},
        cut("one.wav", 0.0, []),
        {**cut("one.wav", 0.0, [said("fast")]), "recording": recording("one.wav", **speeds)},
        {**cut("one.wav", 0.0, [said("far")]), "recording": recording("one.wav", **web)},
        {key: value for key, value in cut("x", 0.0, [said("features")]).items() if key != "recording"},
        cut("one.wav", 0.0, [said("never", duration=None)]),
        "[]",
    )
    (tmp_path / "cuts.jsonl.gz").write_bytes(gzip.compress(manifest.encode()))
    config = LhotseCorpusConfig(cuts=str(tmp_path / "cuts.jsonl.gz"))
    output = prepare(config)
    audio = {row["source"]: decode_flac(row["audio"]) / 32768 for row in output.table.to_pylist()}
    assert rows(output, "source", "language", "duration_s") == [
        ("a", "en", 1.0),
        ("b", "en", 0.5),
        ("left", "en", 1.0),
        ("right", "en", 1.0),
    ]
    np.testing.assert_allclose(audio["a"], NOISE[20000:36000], atol=1e-4)
    np.testing.assert_allclose(audio["b"], NOISE[8000:16000], atol=1e-4)
    np.testing.assert_allclose(audio["left"], NOISE[5:16005], atol=1e-4)
    np.testing.assert_allclose(audio["right"], NOISE[1005:17005], atol=1e-4)
    assert reasons(output) == {
        "mixed": "it is a MixedCut; MonoCut and MultiCut are read",
        "cut-one.wav": "the cut has no supervision",
        "fast": "its recording is transformed on the fly: save the cuts' audio to files first",
        "far": "its recording is of type 'url'; only files are read",
        "features": "it has no recording, only features perhaps",
        "never": "its start 0.0 and duration None are not both numbers of seconds",
        "cuts.jsonl.gz line 9": "the line is no JSON object",
    }
    (tmp_path / "cuts.jsonl.gz").write_bytes(gzip.compress(manifest.encode())[:-40])
    check_refused(config, "the manifest of cuts cannot be read")


def test_lhotse_recordings_and_supervisions(tmp_path: Path) -> None:
    sound(tmp_path / "audio/one.wav", 3)
    write(tmp_path / "manifests", recordings__jsonl=lines(recording("one.wav", id="r"), recording("two.wav", id="q")))
    write(tmp_path / "manifests", supervisions__jsonl=lines(said("a", 1.0), said("b", recording_id="none"), "nonsense"))
    names = {name: str(tmp_path / f"manifests/{name}.jsonl") for name in ("recordings", "supervisions")}
    config = LhotseCorpusConfig(**names, root=str(tmp_path / "audio"))
    output = prepare(config)
    assert rows(output, "source", "speaker_id", "text", "duration_s") == [("a", "s", "a", 1.0)]
    assert reasons(output) == {
        "b": "recordings.jsonl has no recording 'none'",
        "supervisions.jsonl line 3": "the line is no JSON object",
        "q": "no supervision is of this recording",
    }
    write(tmp_path / "manifests", recordings__jsonl="x\n")
    check_refused(config, "recordings.jsonl line 1: the recording is no JSON object with an id")
    for wrong in ({}, {"cuts": "a", "recordings": "b"}, {"recordings": "b"}):
        with pytest.raises(ValidationError, match="either cuts, or recordings and supervisions"):
            LhotseCorpusConfig(**wrong)


# Hugging Face


def parquet(path: Path, audio: list[Any], **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = {"label": {"names": ["go", "stop"], "_type": "ClassLabel"}}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"audio": pa.array(audio, kind), **columns})
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=2)


def encoded(tmp_path: Path, offset: int) -> dict[str, Any]:
    sound(tmp_path / "x.wav", offset=offset)
    return {"bytes": (tmp_path / "x.wav").read_bytes(), "path": f"{offset}.wav"}


def test_hugging_face_parquet(tmp_path: Path) -> None:
    audio = [encoded(tmp_path, i) for i in range(5)]
    audio[3] = {"bytes": b"no audio", "path": "x"}
    audio[4] = {"bytes": None, "path": "4.wav"}
    data = tmp_path / "data"
    parquet(data / "train-00000-of-00001.parquet", audio, label=[0, 1, 1, 0, 0], who=["a", "b", "", "a", "a"])
    parquet(data / "validation/0.parquet", [encoded(tmp_path, 70)], label=[1], who=["c"])
    parquet(data / "else.parquet", [encoded(tmp_path, 80)], label=[0], who=["d"])
    config = HuggingFaceCorpusConfig(path=str(data), text_column="label", speaker_column="who", licence="CC0")
    output = prepare(config)
    train = "train-00000-of-00001.parquet"
    assert rows(output, "source", "speaker_id", "text", "split") == [
        ("else.parquet row 0", "d", "go", ""),
        (f"{train} row 0", "a", "go", "train"),
        (f"{train} row 1", "b", "stop", "train"),
        ("validation/0.parquet row 0", "c", "stop", "development"),
    ]
    for row in output.table.to_pylist():
        offset = {"else.parquet row 0": 80, f"{train} row 1": 1, "validation/0.parquet row 0": 70}.get(row["source"], 0)
        np.testing.assert_allclose(decode_flac(row["audio"]) / 32768, NOISE[offset : offset + 16000], atol=1e-4)
    assert reasons(output) == {
        f"{train} row 2": "the speaker is empty",
        f"{train} row 3": "not a readable recording (WAV, FLAC, OGG, MP3 are accepted)",
        f"{train} row 4": "row 4: audio.bytes is empty; audio that is only named is not read",
    }
    planned = plan_corpus(config)
    assert len({recording.digest for recording in planned}) == 7
    assert all(5000 < recording.size_bytes < 40000 for recording in planned if "row 4" not in recording.source)
    chosen = plan_corpus(config.model_copy(update={"include_splits": ("development",)}))
    assert [recording.split for recording in chosen] == ["development"]


def test_hugging_face_files_that_cannot_be_used(tmp_path: Path) -> None:
    plain = {"text": ["go"], "speaker_id": ["a"]}
    parquet(tmp_path / "a.parquet", [encoded(tmp_path, 0)], **plain)
    name = str(tmp_path / "a.parquet")
    assert rows(prepare(HuggingFaceCorpusConfig(path=name)), "source", "text") == [("a.parquet row 0", "go")]
    check_refused(
        HuggingFaceCorpusConfig(path=name, audio_column="sound"), "column 'sound' is missing; it has audio, text"
    )
    check_refused(HuggingFaceCorpusConfig(path=name, audio_column="text"), "column 'text' is string; bytes or a struct")
    check_refused(HuggingFaceCorpusConfig(path=name, language_column="lang"), "column 'lang' is missing")
    check_refused(HuggingFaceCorpusConfig(path=str(tmp_path / "b.parquet")), "b.parquet: the file does not exist")
    (tmp_path / "c").mkdir()
    check_refused(HuggingFaceCorpusConfig(path=str(tmp_path / "c")), "no Parquet file of the splits")
    (tmp_path / "c/a.parquet").write_bytes(base64.b64decode("UEFSMQ=="))
    check_refused(HuggingFaceCorpusConfig(path=str(tmp_path / "c")), "a.parquet: cannot be read as Parquet")
    (planned,) = plan_corpus(HuggingFaceCorpusConfig(path=name))
    (tmp_path / "a.parquet").unlink()
    assert planned.cell is not None
