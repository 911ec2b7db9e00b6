"""A user's list of recordings: what is read, what is refused, and that windows hold the word."""

import numpy as np
import pytest
import soundfile
from encoder_bundles import say

from kws_core.config import SelectionConfig
from kws_core.errors import CorpusError
from kws_core.evaluation.recordings import read_recordings

VOICES = ("en-us+m1", "en-us+f2")
WORDS = ("marvin", "window")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for voice in VOICES:
        for word in WORDS:
            for rate in (150, 170):
                soundfile.write(folder / f"{word}-{voice}-{rate}.wav", say(word, voice, rate), 16000)
    soundfile.write(folder / "silence.wav", np.zeros(8000), 16000)
    soundfile.write(folder / "long.wav", np.full(11 * 16000, 0.1), 16000)
    (folder / "text.wav").write_text("not audio")
    return folder


def rows():
    return [
        f"{word}-{voice}-{rate}.wav\t{voice}\t{word.upper()}"
        for voice in VOICES
        for word in WORDS
        for rate in (150, 170)
    ]


def write(folder, *lines, header="path\tspeaker\tlabel"):
    table = folder / "list.tsv"
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return table


def test_all_rows_are_test_rows_and_windows_hold_the_word(folder):
    trials = read_recordings(write(folder, *rows()), ("marvin",))
    table = trials.selection.to_pylist()
    assert [row["label"] for row in table[:4]] == ["marvin", "marvin", "window", "window"]
    assert {(row["label"], row["role"], row["label_id"]) for row in table} == {
        ("marvin", "target", 0),
        ("window", "non-target", -1),
    }
    assert {row["split"] for row in table} == {"test"}
    windows = trials.windows([0, 2])
    assert windows.shape == (2, 16000)
    energy = np.square(windows)
    assert (energy[:, 4000:12000].sum(axis=1) > 0.9 * energy.sum(axis=1)).all()
    pairs = trials.pairs.to_pylist()
    speakers = {row["segment_id"]: row["speaker_id"] for row in table}
    labels = {row["segment_id"]: row["label"] for row in table}
    assert all(speakers[pair["left"]] != speakers[pair["right"]] for pair in pairs)
    assert all((labels[pair["left"]] == labels[pair["right"]]) == pair["same"] for pair in pairs)
    assert {pair["test_set"] for pair in pairs} == {"recordings"}


def test_text_is_a_label_too_and_other_columns_do_not_matter(folder):
    lines = [f"x\t{row}" for row in rows()]
    trials = read_recordings(write(folder, *lines, header="id\tpath\tspeaker\ttext"), ())
    assert trials.selection.num_rows == 8
    assert set(trials.selection["label_id"].to_pylist()) == {-1}


def test_what_cannot_be_used_is_kept_with_its_reason_and_too_much_of_it_is_refused(folder):
    bad = ["silence.wav\ta\tmarvin"]
    trials = read_recordings(write(folder, *rows(), *rows(), *bad), ())
    (row,) = trials.rejected.to_pylist()
    assert row["source"] == "list.tsv line 18"
    assert row["reason"] == "silence.wav: silence"
    bad += ["long.wav\ta\tmarvin", "text.wav\ta\tmarvin", "absent.wav\ta\tmarvin", "marvin.wav\t\tmarvin"]
    with pytest.raises(CorpusError, match=r"5 of 13 recordings cannot be used, 10% are allowed; .*line 10: silence"):
        read_recordings(write(folder, *rows(), *bad), ())


@pytest.mark.parametrize(
    ("lines", "header", "told"),
    [
        ([], "path\tspeaker\tlabel", "it lists no recordings"),
        (["a.wav\tmarvin"], "path\tlabel", "column 'speaker' is missing; it has path, label"),
        (["a.wav\ts"], "path\tspeaker", "column 'label' is missing; it has path, speaker"),
    ],
)
def test_mistakes_are_named(folder, lines, header, told):
    with pytest.raises(CorpusError, match=told):
        read_recordings(write(folder, *lines, header=header), ())


def test_one_speaker_needs_the_policy_any(folder):
    own = [row for row in rows() if VOICES[0] in row]
    with pytest.raises(CorpusError, match=r"no trials can be drawn: two words .* it has 4 recordings of 1 speakers"):
        read_recordings(write(folder, *own), ())
    assert read_recordings(write(folder, *own), (), SelectionConfig(speaker_policy="any")).pairs.num_rows


def test_a_missing_list(tmp_path):
    with pytest.raises(CorpusError, match=r"absent.tsv: the list of recordings does not exist"):
        read_recordings(tmp_path / "absent.tsv", ())
