from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws_core.audio import decode_flac
from kws_core.config import CorpusSection, DemoCorpusConfig, IngestConfig, ManifestCorpusConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.corpora.manifest import prepare_manifest
from kws_core.corpora.read_recordings import read_recordings
from kws_core.corpora.recording import Recording
from kws_core.errors import ConfigError, CorpusError
from kws_core.part import PartOutput
from kws_core.schemas import UTTERANCES, check_schema

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000 * 2)


def sound(path: Path, seconds: float = 1.0, offset: int = 0, scale: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, scale * NOISE[offset : offset + int(seconds * 16000)], 16000)


def table(folder: Path, *lines: str, header: str = "path\tspeaker\ttext") -> ManifestCorpusConfig:
    (folder / "t.tsv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return ManifestCorpusConfig(path=str(folder / "t.tsv"), licence="CC0")


def prepare(config: ManifestCorpusConfig) -> PartOutput:
    output = read_recordings("c", config, IngestConfig(max_duration_s=1.5), prepare_manifest(config))
    check_schema(output.table, UTTERANCES, "utterances")
    return output


def reasons(output: PartOutput) -> dict[str, str]:
    return {row["source"]: row["reason"] for row in output.quarantine.to_pylist()}


def test_good_rows_become_utterances(tmp_path: Path) -> None:
    sound(tmp_path / "a/one.wav")
    sound(tmp_path / "two.flac", offset=100)
    config = table(
        tmp_path,
        "a/one.wav\tanna\tStop it\tweb:1\tCC BY",
        "two.flac\tbert\tgo\t\t",
        header="path\tspeaker\ttext\tsource\tlicence",
    )
    output = prepare(config)
    assert output.quarantine.num_rows == 0
    one, two = output.table.to_pylist()
    names = ("corpus", "speaker_id", "text", "original_text", "language", "source", "licence")
    assert [one[name] for name in names] == [
        "c",
        "anna",
        "stop it",
        "Stop it",
        "en",
        "web:1",
        "CC BY",
    ]
    assert (two["source"], two["licence"], two["duration_s"]) == ("two.flac", "CC0", 1.0)
    np.testing.assert_allclose(decode_flac(one["audio"]) / 32768, NOISE[:16000], atol=1e-4)
    assert one["utterance_id"] != two["utterance_id"]
    assert prepare(config).table.equals(output.table)


def test_every_bad_row_is_quarantined_and_the_rest_is_unharmed(tmp_path: Path) -> None:
    for number, name in enumerate(["good", "other", "mute", "nobody", "copy"]):
        sound(tmp_path / f"{name}.wav", offset=100 * number)
    (tmp_path / "copy.wav").write_bytes((tmp_path / "good.wav").read_bytes())
    sound(tmp_path / "short.wav", seconds=0.05)
    sound(tmp_path / "long.wav", seconds=2)
    sound(tmp_path / "silent.wav", scale=0)
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "garbage.wav").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "good.wav").read_bytes()[:30])
    config = table(
        tmp_path,
        "good.wav\tanna\tgo",
        "none.wav\tanna\tgo",
        "empty.wav\tanna\tgo",
        "garbage.wav\tanna\tgo",
        "cut.wav\tanna\tgo",
        "mute.wav\tanna\t ",
        "nobody.wav\t\tgo",
        "shortrow.wav",
        "\tanna\tgo",
        "copy.wav\tanna\tgo",
        "short.wav\tanna\tgo",
        "long.wav\tanna\tgo",
        "silent.wav\tanna\tgo",
        "zero\0byte.wav\tanna\tgo",
        "",
        "..\tanna\tgo",
        "other.wav\tbert\tgo",
    )
    output = prepare(config)
    assert output.table.column("source").to_pylist() == ["good.wav", "other.wav"]
    assert output.table.equals(prepare(table(tmp_path, "good.wav\tanna\tgo", "other.wav\tbert\tgo")).table)
    unreadable = "not a readable recording (WAV, FLAC, OGG, MP3 are accepted)"
    assert reasons(output) == {
        "none.wav": "cannot be read: No such file or directory",
        "empty.wav": "the file is empty",
        "garbage.wav": unreadable,
        "cut.wav": unreadable,
        "mute.wav": "the transcript is empty",
        "nobody.wav": "the speaker is empty",
        "shortrow.wav": "the speaker is empty",
        "t.tsv line 10": "the path is empty",
        "copy.wav": "the same speaker, text and audio as good.wav",
        "short.wav": "it lasts 0.05 s; 0.1 to 1.5 s are accepted",
        "long.wav": "it lasts 2.00 s; 0.1 to 1.5 s are accepted",
        "silent.wav": "every sample is zero",
        "zero\0byte.wav": "cannot be read: embedded null byte",
        "..": "cannot be read: Is a directory",
    }


def as_noise(config: ManifestCorpusConfig) -> ManifestCorpusConfig:
    return config.model_copy(update={"use": "noise"})


def test_noise_needs_no_transcript_and_words_do(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    sound(tmp_path / "b.wav", offset=9)
    sound(tmp_path / "short.wav", seconds=0.05)
    (tmp_path / "garbage.wav").write_bytes(b"no audio")
    words = table(tmp_path, "a.wav\tstreet\t", "b.wav\tstreet\train", "short.wav\tx\t", "garbage.wav\tx\t")
    kept = prepare(as_noise(words))
    assert [(row["source"], row["text"]) for row in kept.table.to_pylist()] == [("a.wav", ""), ("b.wav", "rain")]
    assert reasons(kept) == {
        "short.wav": "it lasts 0.05 s; 0.1 to 1.5 s are accepted",
        "garbage.wav": "not a readable recording (WAV, FLAC, OGG, MP3 are accepted)",
    }
    refused = prepare(words)
    assert refused.table["source"].to_pylist() == ["b.wav"]
    assert reasons(refused)["a.wav"] == reasons(refused)["short.wav"] == "the transcript is empty"


@pytest.mark.parametrize(("seconds", "lengths"), [(1.5, [24000]), (1.9, [15200, 15200]), (2.0, [16000, 16000])])
def test_long_noise_is_cut_evenly_and_no_sample_is_lost(tmp_path: Path, seconds: float, lengths: list[int]) -> None:
    sound(tmp_path / "a.wav", seconds)
    config = table(tmp_path, "a.wav\tstreet\t")
    rows = prepare(as_noise(config)).table.to_pylist()
    pieces = [decode_flac(row["audio"]) for row in rows]
    assert [len(piece) for piece in pieces] == lengths
    assert [row["duration_s"] for row in rows] == [length / 16000 for length in lengths]
    np.testing.assert_allclose(np.concatenate(pieces) / 32768, NOISE[: int(seconds * 16000)], atol=1e-4)
    names = [f"a.wav piece {number} of 2" for number in (1, 2)] if len(lengths) > 1 else ["a.wav"]
    assert [row["source"] for row in rows] == names
    if len(lengths) > 1:
        config = table(tmp_path, "a.wav\tstreet\tgo")
        assert reasons(prepare(config)) == {"a.wav": f"it lasts {seconds:.2f} s; 0.1 to 1.5 s are accepted"}


def test_the_same_rows_are_other_recordings_as_noise(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    config = table(tmp_path, "a.wav\tanna\tgo")
    (word,), (noise,) = prepare_manifest(config), prepare_manifest(as_noise(config))
    assert word.digest != noise.digest
    assert word.digest == prepare_manifest(config.model_copy(update={"use": "train"}))[0].digest


def test_the_line_of_a_row_without_a_path_counts_blank_lines(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    assert set(reasons(prepare(table(tmp_path, "", "a.wav\ta\tgo", "", "\ta\tgo")))) == {"t.tsv line 5"}


def test_one_recording_may_serve_two_speakers_or_texts(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    output = prepare(table(tmp_path, "a.wav\tanna\tgo", "a.wav\tbert\tgo", "a.wav\tanna\tstop"))
    assert len(set(output.table.column("utterance_id").to_pylist())) == 3


def test_windows_lines_a_byte_order_mark_and_odd_separators_are_read(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text = '\ufeffpath\tspeaker\ttext\r\na.wav\tanna\tso "go\u2028on\x85now\r\n'
    (tmp_path / "t.tsv").write_bytes(text.encode())
    (recording,) = prepare_manifest(ManifestCorpusConfig(path=str(tmp_path / "t.tsv")))
    assert recording.text == 'so "go\u2028on\x85now'


def test_columns_may_come_in_any_order_with_others_between(tmp_path: Path) -> None:
    config = table(tmp_path, "go\tx\tanna\ta.wav", "short", header="text\tnote\tspeaker\tpath")
    first, second = prepare_manifest(config)
    assert (first.speaker_id, first.text, first.source) == ("anna", "go", "a.wav")
    assert (second.location, second.source) == ("", "t.tsv line 3")


def test_a_very_long_transcript_is_one_row(tmp_path: Path) -> None:
    (recording,) = prepare_manifest(table(tmp_path, "a.wav\tanna\t" + "word " * 40_000))
    assert len(recording.text) == 5 * 40_000 - 1


def test_patterns_choose_rows(tmp_path: Path) -> None:
    table(tmp_path, "w/a.wav\ta\tgo", "v/b.wav\ta\tgo", "u/c.wav\ta\tgo")
    config = ManifestCorpusConfig(path=str(tmp_path / "t.tsv"), include=("w/*", "*c.wav"))
    assert [recording.source for recording in prepare_manifest(config)] == ["w/a.wav", "u/c.wav"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the manifest does not exist"),
        ("path\tspeaker\ttext\na.wav\tJörg\tgo\n".encode("latin-1"), r"the manifest is not UTF-8 \(byte 25\)"),
        ("path\tspeaker\ttext\n".encode("utf-16"), r"the manifest is not UTF-8 \(byte 0\)"),
        (b"", "column 'path' is missing; it has no header"),
        (b"path\ttext\na.wav\tgo\n", "column 'speaker' is missing; it has path, text"),
        (b"path,speaker,text\n", "column 'path' is missing; it has path,speaker,text"),
        (b"path\tspeaker\ttext\n", r"no row matches \*"),
    ],
)
def test_tables_that_cannot_be_used_are_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "t.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpusError, match=rf"t\.tsv: {message}"):
        prepare_manifest(ManifestCorpusConfig(path=str(path)))


def test_a_folder_in_place_of_the_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="the manifest cannot be read: Is a directory"):
        prepare_manifest(ManifestCorpusConfig(path=str(tmp_path)))


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    def digest(folder: str, line: str = "a.wav\tanna\tgo", offset: int = 0) -> str:
        sound(tmp_path / folder / "a.wav", offset=offset)
        (recording,) = prepare_manifest(table(tmp_path / folder, line))
        assert recording.size_bytes == (tmp_path / folder / "a.wav").stat().st_size
        return recording.digest

    assert digest("x") == digest("y")
    others = [digest("x", "a.wav\tbert\tgo"), digest("x", "a.wav\tanna\tstop"), digest("x", offset=9)]
    assert len({digest("x"), *others}) == 4


def test_recipes_are_found_by_configuration(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    config = table(tmp_path, "a.wav\tanna\tgo")
    recordings = plan_corpus(config)
    assert [type(recording) for recording in recordings] == [Recording]
    output, reference = prepare_part("c", config, IngestConfig(), recordings)
    assert (output.table.num_rows, reference) == (1, None)
    assert len(plan_corpus(DemoCorpusConfig(speakers=1))) > 40
    with pytest.raises(ConfigError, match="CorpusSection has no recipe"):
        plan_corpus(CorpusSection())
    with pytest.raises(ConfigError, match="CorpusSection has no recipe"):
        prepare_part("c", CorpusSection(), IngestConfig(), [])
