"""Every leak check finds the leak that a test plants, names its rows, and passes clean data."""

import time

import numpy as np
import pyarrow as pa
import pytest
from builders import selection_rows

from kws_core.config import LeaksConfig, SelectionConfig
from kws_core.errors import LeakError
from kws_core.leak_checks import (
    find_hidden_keywords,
    find_keywords_by_score,
    find_repeated_audio,
    find_same_sounds,
    find_shared_speakers,
    find_shared_voices,
    find_trained_words,
    nearest,
    plain_label,
    refuse_leaks,
    sounding_alike,
    synthetic_voice,
)
from kws_core.pairs import draw_pairs
from kws_core.schemas import SELECTION
from kws_core.sound_prints import sound_prints

KEYWORDS = ("go", "stop")
LABELS = ("go", "stop", "left", "right", "rare", "odd")


def clean(changed=()):
    """Three splits of 5 speakers each, who say six words; two of them are never trained on."""
    rows = []
    for split in ("train", "development", "test"):
        for speaker in range(5):
            for number, label in enumerate(LABELS):
                if number >= 4 and split == "train":
                    continue
                role = "target" if label in KEYWORDS else "non-target"
                row = {"label": label, "label_id": number if number < 4 else -1, "split": split, "role": role}
                rows.append({**row, "speaker_id": f"{split}-{speaker}"})
    for place, values in dict(changed).items():
        rows[place] = {**rows[place], **values}
    return selection_rows(rows)


def first(selection, **wanted):
    (row, *_) = [n for n, row in enumerate(selection.to_pylist()) if all(row[k] == v for k, v in wanted.items())]
    return row


TEST = first(clean(), split="test")
TEST_OTHER = first(clean(), split="test", label="left")
TEST_RARE = first(clean(), split="test", label="rare")


def pairs(selection):
    return draw_pairs(selection, frozenset(), SelectionConfig(pairs=100), seed=0)


def test_clean_data_pass_every_check():
    selection = clean()
    hashes = pa.chunked_array([[f"{n:032d}" for n in range(selection.num_rows)]])
    found = [
        find_shared_speakers(selection),
        find_repeated_audio(selection, hashes),
        find_shared_voices(selection),
        find_hidden_keywords(selection, KEYWORDS),
        find_trained_words(selection, pairs(selection)),
    ]
    assert found == [None] * 5
    assert refuse_leaks(found, ()) == []


def test_a_speaker_of_both_sides_is_found():
    selection = clean({TEST: {"speaker_id": "train-3"}})
    leak = find_shared_speakers(selection)
    assert leak.count == 1
    assert f"segment-{TEST:04d} 'go' of speaker train-3" in leak.rows[0]
    with pytest.raises(LeakError, match=r"speakers are in train and test \(1 rows\): segment segment-0050"):
        refuse_leaks([leak], ("audio",))
    assert refuse_leaks([None, leak], ("speakers",)) == [leak]


def test_the_first_ten_of_many_rows_are_listed_with_their_count():
    rows = {place: {"speaker_id": "train-0"} for place in range(TEST, TEST + 14)}
    leak = find_shared_speakers(clean(rows))
    assert (leak.count, len(leak.rows)) == (14, 10)
    assert "(14 rows)" in leak.sentence
    assert leak.sentence.endswith("… and 4 more")


def test_the_same_samples_are_found_but_not_those_of_silence():
    hashes = [f"{n:032d}" for n in range(clean().num_rows)]
    hashes[TEST_OTHER] = hashes[7]
    leak = find_repeated_audio(clean(), pa.chunked_array([hashes]))
    assert leak.count == 1
    assert leak.rows[0].startswith(f"segment segment-{TEST_OTHER:04d} 'left'")
    assert leak.rows[0].endswith("= segment segment-0007 'right' of speaker train-1")
    silent = clean({TEST_OTHER: {"role": "background"}, 7: {"role": "background"}})
    assert find_repeated_audio(silent, pa.chunked_array([hashes])) is None


@pytest.mark.parametrize(
    ("trained", "tested"),
    [("piper-joe+11", "piper-joe-8"), ("espeak-m7", "other/espeak-m7"), ("hibari-us", "hibari-us+4")],
)
def test_a_synthetic_voice_under_two_names_is_found(trained, tested):
    assert synthetic_voice(trained) == synthetic_voice(tested)
    leak = find_shared_voices(clean({0: {"speaker_id": trained}, TEST: {"speaker_id": tested}}))
    assert leak.count == 1
    assert leak.rows[0].endswith(f"is the voice of training speaker {trained}")


def test_other_voices_and_people_are_not_taken_for_one():
    assert synthetic_voice("1089") is None
    assert synthetic_voice("barker") is None
    assert synthetic_voice("espeak-klatt2") != synthetic_voice("espeak-klatt3")
    assert find_shared_voices(clean({0: {"speaker_id": "espeak-m7"}, TEST: {"speaker_id": "espeak-m8"}})) is None


@pytest.mark.parametrize("label", ["Go", "G O", "g-o", "please go", "STOP"])
def test_a_keyword_that_is_labelled_as_a_non_target_is_found(label):
    selection = clean({TEST_OTHER: {"label": label}})
    leak = find_hidden_keywords(selection, KEYWORDS)
    assert leak.count == 1
    assert f"'{label}' of speaker test-0 is the keyword" in leak.rows[0]
    assert find_hidden_keywords(selection, KEYWORDS, known_labels=(label,)) is None


def test_another_word_is_no_keyword_for_an_accent_an_apostrophe_or_a_part():
    for label in ("gopher", "going", "g\u00f3", "it's"):
        assert find_hidden_keywords(clean({TEST_OTHER: {"label": label}}), (*KEYWORDS, "its")) is None
    assert plain_label("Wake-Up") == plain_label("wake_up") == plain_label("wake up")


def test_trained_words_of_the_out_of_vocabulary_test_are_found():
    leak = find_trained_words(clean({TEST_RARE: {"label": "Left"}}), pairs(clean()))
    assert leak.count == 1
    assert "'Left' of speaker test-0" in leak.rows[0]
    listed = pairs(clean()).to_pylist()
    planted = {**listed[0], "test_set": "out-of-vocabulary", "left": f"segment-{TEST_OTHER:04d}"}
    table = pa.Table.from_pylist([*listed, planted], schema=pairs(clean()).schema)
    assert f"segment-{TEST_OTHER:04d} 'left'" in find_trained_words(clean(), table).sentence


def sounds(count, seed=0):
    """Windows `[count, 16000]` of noise through random resonances that move: no two are alike."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(16_000) / 16_000
    rows = []
    for _ in range(count):
        pitch = 90 + 150 * rng.random() + 20 * np.sin(2 * np.pi * (rng.random() + time_s * rng.integers(1, 4)))
        phase = 2 * np.pi * np.cumsum(pitch) / 16_000
        voice = sum(np.sin(k * phase + rng.random() * 6) * rng.random() / k for k in range(1, 16))
        envelope = np.exp(-0.5 * ((time_s - 0.5) / (0.1 + 0.1 * rng.random())) ** 2)
        rows.append(0.2 * voice * envelope + 0.001 * rng.normal(size=16_000))
    return np.stack(rows).astype(np.float32)


@pytest.mark.parametrize("change", ["same", "softer, with noise", "shifted", "another"])
def test_nearly_the_same_recording_is_found_but_not_another_token(change):
    selection = clean()
    windows = sounds(selection.num_rows)
    rng = np.random.default_rng(1)
    labels = np.array([LABELS.index(label) for label in selection["label"].to_pylist()])
    # embeddings that tell nothing but the word: all tokens of a word are neighbours
    embeddings = np.eye(len(LABELS), dtype=np.float32)[labels]
    copied = first(selection, split="train", label="left")
    heard = windows[copied]
    noise = rng.normal(size=16_000) * np.sqrt(np.square(heard).mean()) / 10
    windows[TEST_OTHER] = {
        "same": heard,
        "softer, with noise": 0.3 * (heard + noise),
        "shifted": np.roll(heard, 320),
        "another": windows[TEST_OTHER],
    }[change]
    train, test = (np.flatnonzero(np.array(selection["split"].to_pylist()) == name) for name in ("train", "test"))
    near = nearest(embeddings, test, train, 0.95)
    assert (labels[near.test] == labels[near.train]).all()
    assert len(near.test) == 4 * 5 * 5  # every test token of a trained word, and the five of it that were trained on
    alike = sounding_alike(near, sound_prints(windows))
    leak = find_same_sounds(selection, alike, lambda rows: windows[rows], LeaksConfig())
    if change == "another":
        assert leak is None
    else:
        assert leak.count == 1
        assert leak.rows[0].startswith(f"segment segment-{TEST_OTHER:04d} 'left'")
        assert leak.rows[0].endswith(f"= segment segment-{copied:04d} 'left' of speaker train-0")


def scored(own=2.0, hidden=2.0, seed=0):
    """Test rows of two keywords and two other words, one of which scores `hidden` above the noise as `go`."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "label": label,
            "role": "target" if label in KEYWORDS else "non-target",
            "split": "test",
            "speaker_id": f"s{n % 5}",
        }
        for label in ("go", "stop", "goh", "left")
        for n in range(20)
    ]
    levels = {"go": (own, 0), "stop": (0, own), "goh": (hidden, 0), "left": (0, 0)}
    scores = np.array([levels[row["label"]] for row in rows]) + 0.2 * rng.normal(size=(len(rows), 2))
    return selection_rows(rows), scores.astype(np.float32), np.array([1.0, 1.0])


def test_a_keyword_under_another_label_is_found_by_its_scores():
    selection, scores, thresholds = scored()
    leak = find_keywords_by_score(selection, scores, thresholds, KEYWORDS, LeaksConfig())
    assert leak.count == 20
    assert "'goh' of speaker s0 scores as the keyword 'go', as do all 20 of its label" in leak.rows[0]
    known = LeaksConfig(known_labels=("goh",))
    assert find_keywords_by_score(selection, scores, thresholds, KEYWORDS, known) is None
    few = LeaksConfig(hidden_segments=21)
    assert find_keywords_by_score(selection, scores, thresholds, KEYWORDS, few) is None


@pytest.mark.parametrize("hidden", [1.5, 0.8, 0.0])
def test_a_word_that_only_sounds_like_a_keyword_is_not_found(hidden):
    assert find_keywords_by_score(*scored(hidden=hidden), KEYWORDS, LeaksConfig()) is None


def test_fifty_thousand_segments_take_seconds():
    rng = np.random.default_rng(0)
    count, dim = 50_000, 32
    split = np.array(["train", "development", "test"])[rng.choice(3, count, p=[0.7, 0.2, 0.1])]
    labels = rng.integers(0, 2000, count)
    columns = {
        "segment_id": [f"segment-{n:06d}" for n in range(count)],
        "part": np.zeros(count, np.int32),
        "row": np.arange(count, dtype=np.int32),
        "corpus": ["c"] * count,
        "speaker_id": [f"{name}-{n % 400}" for n, name in enumerate(split.tolist())],
        "label": [f"w{label}" for label in labels.tolist()],
        "label_id": np.where(labels < 1500, labels, -1).astype(np.int32),
        "word_s": np.full(count, 0.4),
        "split": split.tolist(),
        "role": ["non-target"] * count,
    }
    selection = pa.table([pa.array(columns[field.name], field.type) for field in SELECTION], schema=SELECTION)
    embeddings = (rng.normal(size=(2000, dim))[labels] + 0.4 * rng.normal(size=(count, dim))).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    hashes = pa.chunked_array([[f"{n:032d}" for n in range(count)]])
    started = time.process_time()
    assert find_shared_speakers(selection) is None
    assert find_repeated_audio(selection, hashes) is None
    assert find_shared_voices(selection) is None
    assert find_hidden_keywords(selection, KEYWORDS) is None
    near = nearest(embeddings, np.flatnonzero(split == "test"), np.flatnonzero(split == "train"), 0.95)
    assert len(near.test) < 5 * (split == "test").sum()
    assert time.process_time() - started < 8
