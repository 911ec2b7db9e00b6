"""A cohort is drawn evenly, and what is saved is what is read."""

from collections import Counter

import numpy as np
import pytest

from kws_core.cohort import BACKGROUND_SHARE, Cohort, draw_cohort
from kws_core.errors import BundleError


def population(seed=0, words=40, speakers=12, rows=2000, background=500):
    """Labels as frequent as in speech: the second is half as frequent as the first."""
    generator = np.random.default_rng(seed)
    share = 1 / np.arange(1, words + 1)
    labels = [f"word{place}" for place in generator.choice(words, rows, p=share / share.sum())] + ["-"] * background
    spoken_by = [f"speaker{place}" for place in generator.integers(speakers, size=len(labels))]
    return labels, spoken_by, np.array([label == "-" for label in labels], np.bool_)


def test_labels_and_speakers_take_turns():
    labels, speakers, background = population()
    rows = draw_cohort(labels, speakers, background, 100, seed=3)
    assert len(rows) == len(set(rows.tolist())) == 100
    assert (np.diff(rows) > 0).all()
    assert background[rows].sum() == round(100 * BACKGROUND_SHARE)
    available = Counter(label for label, other in zip(labels, background, strict=True) if not other)
    drawn = Counter(labels[row] for row in rows if not background[row])
    assert sum(drawn.values()) == 90
    # 90 places for 40 words: nobody has two more than another, unless the other has no more to give
    most = max(drawn.values())
    for label, count in available.items():
        assert drawn[label] >= min(count, most - 1)
    by_speaker = Counter(speakers[row] for row in rows)
    assert set(by_speaker) == set(speakers)
    assert max(by_speaker.values()) - min(by_speaker.values()) <= 4


def test_the_draw_is_of_the_seed():
    given = population()
    first = draw_cohort(*given, 100, seed=3)
    np.testing.assert_array_equal(first, draw_cohort(*given, 100, seed=3))
    assert set(first.tolist()) != set(draw_cohort(*given, 100, seed=4).tolist())


@pytest.mark.parametrize(
    ("rows", "background", "expected"),
    [(30, 20, (30, 20)), (95, 3, (95, 3)), (0, 200, (0, 100)), (200, 0, (100, 0)), (60, 200, (60, 40)), (0, 0, (0, 0))],
)
def test_what_one_kind_lacks_the_other_fills(rows, background, expected):
    labels, speakers, is_background = population(rows=rows, background=background)
    chosen = is_background[draw_cohort(labels, speakers, is_background, 100, seed=0)]
    assert (int((~chosen).sum()), int(chosen.sum())) == expected


def unit_rows(rows, dim=8):
    values = np.random.default_rng(1).normal(size=(rows, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def test_saved_and_read():
    cohort = Cohort(unit_rows(3), ("música", "Computer", "<background>"), 2)
    read = Cohort.from_arrays(cohort.arrays())
    assert (read.labels, read.speakers, len(read)) == (cohort.labels, 2, 3)
    np.testing.assert_allclose(read.embeddings, cohort.embeddings, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(read.embeddings, axis=1), 1, atol=1e-6)


def test_the_keyword_itself_is_left_out_whatever_its_case():
    cohort = Cohort(unit_rows(3), ("music", "Computer", "<background>"), 2)
    np.testing.assert_array_equal(cohort.without("computer"), cohort.embeddings[[0, 2]])
    np.testing.assert_array_equal(cohort.without("window"), cohort.embeddings)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"embeddings": None}, "array 'embeddings' is missing"),
        ({"labels": None}, "array 'labels' is missing"),
        ({"labels": np.frombuffer(b"a\nb", np.uint8)}, "3 embeddings and 2 labels"),
        ({"labels": np.frombuffer(b"\xff\na\nb", np.uint8)}, "not text"),
        ({"embeddings": np.zeros((0, 8), np.float16)}, "empty"),
        ({"embeddings": np.full((3, 8), np.nan, np.float16)}, "not of length 1"),
        ({"embeddings": np.zeros((3, 8), np.float16)}, "not of length 1"),
        ({"speakers": np.array([1, 2])}, "'speakers' has shape"),
    ],
)
def test_foreign_arrays_are_refused(changes, told):
    arrays = {**Cohort(unit_rows(3), ("a", "b", "c"), 2).arrays(), **changes}
    with pytest.raises(BundleError, match=told):
        Cohort.from_arrays({name: array for name, array in arrays.items() if array is not None})
