import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imported_corpora import prepare, reasons, rows, sound

from kws_core.config import ManifestCorpusConfig
from kws_core.corpora.manifest import prepare_manifest
from kws_core.errors import CorpusError

CELL = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), max_size=12)


def manifest(folder: Path, content: str | bytes, name: str = "t.tsv") -> ManifestCorpusConfig:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return ManifestCorpusConfig(path=str(folder / name), licence="CC0")


def test_spans_splits_languages_and_licences_are_read(tmp_path: Path) -> None:
    sound(tmp_path / "long.wav", 3)
    header = "path\tspeaker\ttext\tsource\tlicence\tsplit\tlanguage\tstart_s\tend_s\n"
    config = manifest(
        tmp_path,
        header
        + "long.wav\ta\tone\t1\tMIT\ttrain\ten-GB\t0\t1\n"
        + "long.wav\tb\ttwo\t2\t\tValid\t\t1.5\t\n"
        + "long.wav\ta\tdrei\t3\t\ttest\tde\t0\t1\n"
        + "long.wav\ta\tx\t4\t\tother\t\t\t\n"
        + "long.wav\ta\tx\t5\t\t\t\t2\t1\n"
        + "long.wav\ta\tx\t6\t\t\t\tsoon\t1\n"
        + "long.wav\ta\tx\t7\t\t\t\t-1\t1\n"
        + "long.wav\ta\tx\t8\t\t\t\t2\t9\n"
        + "long.wav\ta\tstray\ttab\t9\t\t\t\t\t1\n",
    )
    output = prepare(config)
    assert rows(output, "source", "split", "language", "licence", "duration_s") == [
        ("1", "train", "en-GB", "MIT", 1.0),
        ("2", "development", "en", "CC0", 1.5),
    ]
    assert reasons(output) == {
        "3": "its language is 'de'; the corpus is 'en'",
        "4": "its split 'other' is none of train, development and test",
        "5": "its end (1 s) is not after its start (2 s)",
        "6": "its start 'soon' and end '1' are not both numbers of seconds",
        "7": "its start is -1 s; 0 s or later is accepted",
        "8": "it ends at 3.00 s, the span at 9.00 s",
        "tab": "the row has 10 fields; the header has 9",
    }
    several = prepare(config.model_copy(update={"language": "mul"}))
    assert ("3", "de") in rows(several, "source", "language")


def test_commas_and_quotes_are_those_of_csv(tmp_path: Path) -> None:
    sound(tmp_path / "a,1.wav")
    sound(tmp_path / "b.wav", offset=9)
    content = '\ufeffspeaker,text,path\r\nanna,"so, ""go""\nnow","a,1.wav"\r\n\r\nbert,stop,b.wav\r\n'
    output = prepare(manifest(tmp_path, content, "t.csv"))
    assert rows(output, "source", "speaker_id", "text", "original_text") == [
        ("a,1.wav", "anna", "so go now", 'so, "go"\nnow'),
        ("b.wav", "bert", "stop", "stop"),
    ]
    with pytest.raises(CorpusError, match=r"t\.csv line 2: the row is not CSV"):
        prepare_manifest(manifest(tmp_path, 'path,speaker,text\na.wav,"x"y,z\n', "t.csv"))


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"t\.tsv: column 'text' is there 2 times"):
        prepare_manifest(manifest(tmp_path, "path\tspeaker\ttext\ttext\n"))


@given(
    st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was(
    tmp_path: Path, table: list[tuple[str, str, str]], end: str, mark: bool, comma: bool
) -> None:
    # a lone carriage return would be a line's end to any reader
    table = [tuple(cell.replace("\r", " ") for cell in row) for row in table]  # type: ignore[misc]
    if comma:
        sink = io.StringIO(newline="")
        csv.writer(sink, lineterminator=end).writerows([("path", "speaker", "text"), *table])
        content = sink.getvalue()
    else:
        content = "".join("\t".join(row) + end for row in [("path", "speaker", "text"), *table])
    config = manifest(tmp_path, ("\ufeff" if mark else "") + content, "t.csv" if comma else "t.tsv")
    expected = [tuple(cell.strip() for cell in row) for row in table if any(cell.strip() for cell in row)]
    if not expected:
        with pytest.raises(CorpusError, match="no row matches"):
            prepare_manifest(config)
        return
    found = prepare_manifest(config)
    assert [(recording.speaker_id, recording.text) for recording in found] == [row[1:] for row in expected]
    assert [recording.location.removeprefix(f"{tmp_path}/") for recording in found] == [
        row[0] for row in expected
    ] or any("/" in row[0] or row[0] in (".", "..") for row in expected)
    assert all(not recording.problem for recording in found)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_make_recordings_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    for name in ("t.tsv", "t.csv"):
        for head in (b"", b"path\tspeaker\ttext\n", b"path,speaker,text\n"):
            sentence = ""
            try:
                assert prepare_manifest(manifest(tmp_path, head + content, name))
            except CorpusError as error:
                sentence = str(error)
            assert not sentence or name in sentence
            assert "\n" not in sentence


def test_the_digest_follows_everything_that_is_kept(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", 2)
    header = "path\tspeaker\ttext\tsource\tlicence\tsplit\tlanguage\tstart_s\tend_s\n"
    line = ["a.wav", "s", "t", "x", "l", "train", "en", "0", "1"]
    others = {1: "S", 2: "T", 3: "X", 4: "L", 5: "test", 6: "de", 7: "0.5", 8: "1.5"}
    lines = [line, *([*line[:place], value, *line[place + 1 :]] for place, value in others.items())]
    recordings = prepare_manifest(manifest(tmp_path, header + "".join("\t".join(row) + "\n" for row in lines)))
    assert len({recording.digest for recording in recordings}) == len(lines)
