"""Whatever makes runs fail: every utterance is accounted for, and only bad ones are lost."""

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.alignment.mfa.accounting import Accounted, group_intervals, refused
from kws_core.alignment.mfa.corpus_folder import PooledUtterance
from kws_core.alignment.mfa.isolation import align_in_runs, halves
from kws_core.alignment.mfa.output import Interval
from kws_core.alignment.mfa.program import MfaRunError, NoneAlignedError
from kws_core.errors import AlignmentError


def pooled(count: int, speakers: int = 3) -> list[PooledUtterance]:
    return [PooledUtterance(f"u{n}", f"u{n}.wav", ("yes",), f"s{n % speakers}", f"n{n:04d}", 1.0) for n in range(count)]


class Runs:
    """Fails whenever a batch holds a bad utterance."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = {f"u{n}" for n in bad}
        self.sizes: list[int] = []

    def __call__(self, batch: Sequence[PooledUtterance]) -> dict[str, Accounted]:
        self.sizes.append(len(batch))
        if any(utterance.utterance_id in self.bad for utterance in batch):
            raise MfaRunError("it broke")
        return {utterance.utterance_id: Accounted({}, {}) for utterance in batch}


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 60), st.sets(st.integers(0, 59), max_size=5), st.integers(1, 8))
def test_bad_utterances_are_found_and_no_other_is_lost(count: int, bad: set[int], speakers: int) -> None:
    bad = {n for n in bad if n < count}
    if len(bad) == count:
        bad.pop()
    run = Runs(bad)
    found = align_in_runs(pooled(count, speakers), run, max_runs=1000)
    assert {name for name, one in found.items() if one.reason} == {f"u{n}" for n in bad}
    assert len(found) == count
    assert run.sizes[0] == count


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=20), st.integers(1, 12))
def test_runs_are_bounded_and_every_utterance_is_accounted_for(count: int, bad: set[int], max_runs: int) -> None:
    run = Runs(bad)
    found = None
    with contextlib.suppress(AlignmentError):  # no run was well
        found = align_in_runs(pooled(count), run, max_runs)
    assert len(run.sizes) <= max_runs
    if found is None:
        assert bad
        return
    assert len(found) == count
    lost = {name for name, one in found.items() if "runs were not enough" in one.reason}
    assert not lost or len(run.sizes) == max_runs


def test_one_bad_utterance_of_a_thousand_needs_few_runs() -> None:
    run = Runs({537})
    found = align_in_runs(pooled(1000, speakers=7), run, max_runs=32)
    assert [name for name, one in found.items() if one.reason] == ["u537"]
    assert found["u537"].reason == "MFA fails on it: it broke"
    assert len(run.sizes) <= 32


def test_what_runs_do_not_reach_says_so() -> None:
    found = align_in_runs(pooled(64), Runs(set(range(1, 64, 3))), max_runs=9)
    text = "MFA fails (it broke), and 9 runs were not enough to find at which utterances"
    assert text in {one.reason for one in found.values()}


def test_a_run_in_which_nothing_fits_is_no_failure() -> None:
    def run(batch: Sequence[PooledUtterance]) -> dict[str, Accounted]:
        raise NoneAlignedError("There were no successful alignments")

    found = align_in_runs(pooled(3), run, max_runs=5)
    assert {one.reason for one in found.values()} == {
        "MFA finds no path through the audio: the transcript is too far from it"
    }


def test_nothing_needs_no_run() -> None:
    assert align_in_runs([], Runs(set()), max_runs=1) == {}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=40))
def test_halves_keep_all_and_split_speakers_only_where_parts_would_be_uneven(speakers: list[int]) -> None:
    ordered = sorted(speakers)
    batch = [PooledUtterance(f"u{n}", "", ("x",), f"s{who}", f"{n}", 1.0) for n, who in enumerate(ordered)]
    left, right = halves(batch)
    assert left + right == batch
    assert min(len(left), len(right)) >= max(len(batch) // 4, 1)
    if left[-1].speaker == right[0].speaker:
        places = [n for n in range(1, len(batch)) if batch[n].speaker != batch[n - 1].speaker]
        assert all(min(n, len(batch) - n) < max(len(batch) // 4, 1) for n in places)


def spans(*labels: str) -> list[Interval]:
    return [Interval(float(n), n + 1.0, label) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("words", "labels", "groups"),
    [
        (["yes", "no"], ["yes", "no"], [["yes"], ["no"]]),
        (["mother's", "day"], ["mother", "'s", "day"], [["mother", "'s"], ["day"]]),
        (["new-password"], ["new", "password"], [["new", "password"]]),
        (["rock", "o'"], ["rock", "o", "'"], [["rock"], ["o", "'"]]),
        (["yes", "no"], ["yes"], None),
        (["yes"], ["yes", "no"], None),
        (["yes"], ["ye"], None),
        (["yes"], ["yesno"], None),
        (["yes"], [], None),
        (["new"], ["[bracketed]"], None),
    ],
)
def test_pieces_of_a_word_are_put_together(words: list[str], labels: list[str], groups: list | None) -> None:
    found = group_intervals(words, spans(*labels))
    assert (None if found is None else [[one.label for one in group] for group in found]) == groups


WORD = st.text("abcé'", min_size=1, max_size=5).filter(lambda word: word.strip("'") == word)


@settings(deadline=None, max_examples=50)
@given(st.lists(WORD, max_size=6), st.randoms())
def test_words_split_anywhere_come_back_one_to_one(words: list[str], random) -> None:
    labels = []
    for word in words:
        cut = random.randrange(len(word) + 1)
        labels += [piece for piece in (word[:cut], word[cut:]) if piece]
    found = group_intervals(words, spans(*labels))
    assert found is not None
    assert ["".join(one.label for one in group) for group in found] == words


def test_a_refusal_has_no_words() -> None:
    assert not refused("why").words
