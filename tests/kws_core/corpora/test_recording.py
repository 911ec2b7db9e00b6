import random

from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.corpora.recording import LARGEST_PART, Recording, group_speakers
from kws_core.fingerprint import unit_interval

Parts = list[list[Recording]]
PART_BYTES = 100


def speaker(name: str, sizes: list[int]) -> list[Recording]:
    return [Recording(name, "text", f"{name}/{i}", "CC0", "", f"d{i}", size) for i, size in enumerate(sizes)]


def corpora(largest: int, most: int) -> st.SearchStrategy[list[list[Recording]]]:
    sizes = st.lists(st.integers(1, largest), min_size=1, max_size=3)
    names = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=4), sizes, min_size=1, max_size=most)
    return names.map(lambda speakers: [speaker(name, held) for name, held in speakers.items()])


def flat(speakers: list[list[Recording]]) -> list[Recording]:
    return [recording for held in speakers for recording in held]


def names(parts: Parts) -> list[set[str]]:
    return [{recording.speaker_id for recording in part} for part in parts]


def changed(before: Parts, after: Parts) -> tuple[Parts, Parts]:
    return [part for part in before if part not in after], [part for part in after if part not in before]


@given(corpora(largest=80, most=30), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_whole_speakers_once_each_in_any_order_of_arrival(
    speakers: list[list[Recording]], shuffler: random.Random
) -> None:
    recordings = flat(speakers)
    parts = group_speakers(recordings, PART_BYTES)
    assert sorted(flat(parts), key=lambda r: r.source) == sorted(recordings, key=lambda r: r.source)
    assert sum(len(group) for group in names(parts)) == len(speakers)
    assert all(parts)
    for part in parts:
        of_one_speaker = len({recording.speaker_id for recording in part}) == 1
        assert of_one_speaker or sum(r.size_bytes for r in part) <= LARGEST_PART * PART_BYTES
    shuffler.shuffle(recordings)
    assert group_speakers(recordings, PART_BYTES) == parts


@given(corpora(largest=4, most=30))
@settings(max_examples=200, deadline=None)
def test_a_new_speaker_changes_the_one_part_it_falls_in(speakers: list[list[Recording]]) -> None:
    # at most 360 bytes: no part is ended by its size
    newcomer = speaker("new", [4, 2])
    before, after = group_speakers(flat(speakers), PART_BYTES), group_speakers([*flat(speakers), *newcomer], PART_BYTES)
    gone, come = changed(before, after)
    assert len(gone) <= 1
    assert len(come) <= 2  # two, where the newcomer ends a part
    assert set().union(*names(come)) == {"new"}.union(*names(gone))


@given(corpora(largest=60, most=40), st.integers(1, 300))
@settings(max_examples=200, deadline=None)
def test_a_new_speaker_changes_nothing_past_the_next_end(speakers: list[list[Recording]], size: int) -> None:
    newcomer = speaker("new", [size])
    before, after = group_speakers(flat(speakers), PART_BYTES), group_speakers([*flat(speakers), *newcomer], PART_BYTES)
    gone, come = changed(before, after)
    assert set().union(*names(come)) == {"new"}.union(*names(gone))

    def ends(held: list[Recording]) -> bool:
        return unit_interval("part boundary", held[0].speaker_id) < sum(r.size_bytes for r in held) / PART_BYTES

    # of the old parts that changed, only the last may hold a speaker who ends parts by hash
    touched = set().union(*names(gone[:-1]))
    assert not any(ends(held) for held in speakers if held[0].speaker_id in touched)


def test_parts_weigh_what_was_asked_for_in_the_mean() -> None:
    recordings = flat([speaker(f"speaker-{i}", [10]) for i in range(3000)])
    parts = group_speakers(recordings, PART_BYTES)
    assert 80 <= sum(r.size_bytes for r in recordings) / len(parts) <= 120


def test_nothing_makes_no_parts() -> None:
    assert group_speakers([], PART_BYTES) == []


def test_recordings_of_no_size_stay_together() -> None:
    assert len(group_speakers(flat([speaker(name, [0]) for name in "abc"]), PART_BYTES)) == 1
