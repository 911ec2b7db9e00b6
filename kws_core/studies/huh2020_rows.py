"""Which segment plays which part in the study `huh2020`: targets, seen and unseen non-targets, by split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import SelectionError
from kws_core.fingerprint import sha256, unit_interval
from kws_core.segments import BACKGROUND
from kws_core.studies.data import StudyData
from kws_core.studies.huh2020_config import Huh2020Config

TARGET, SEEN, UNSEEN = "target", "seen non-target", "unseen non-target"


@dataclass(frozen=True, eq=False)
class HuhRows:
    """Row numbers of the study's data."""

    parts: NDArray[np.str_]
    """Part of each row of the data; empty for rows that are left out."""
    train: NDArray[np.int64]
    """Targets, and at most `non_target_ratio` as many seen non-targets."""
    development: NDArray[np.int64]
    """Targets and seen non-targets."""
    test: NDArray[np.int64]
    """Targets, seen and unseen non-targets."""
    sentences: NDArray[np.bool_]
    """Whether a row of the data is a word of a sentence."""


def huh_rows(data: StudyData, config: Huh2020Config, seed: int) -> HuhRows:
    """Give each segment its part; recordings that occur twice (equal label, speaker and features) count once.

    Speakers are disjoint between splits, unseen words are heard in the test only. `seed` matters only where speakers
    rotate.

    Raises:
        SelectionError: a target has no segments in a split, or there are no non-targets to train or to test on.
    """
    sentences = np.isin(data.corpora, config.sentence_corpora)
    parts = np.array(
        [
            _part(label, corpus, config)
            for label, corpus in zip(data.labels.tolist(), data.corpora.tolist(), strict=True)
        ],
        np.str_,
    )
    parts[_repeated(data, np.flatnonzero(parts != ""))] = ""
    rotation = seed * config.selection.test_share if config.rotate_speakers else 0.0
    split = data.splits(config.selection, rotation)
    for name, corpus in config.corpora.items():
        if corpus.use != "split":
            split[data.corpora == name] = corpus.use
    known = (parts == TARGET) | (parts == SEEN)
    trained = known & ((parts == TARGET) | ~sentences | config.train_on_sentences)
    rows = HuhRows(
        parts,
        _limited(data, np.flatnonzero(trained & (split == "train")), parts, sentences, config.non_target_ratio),
        np.flatnonzero(trained & (split == "development")),
        np.flatnonzero((parts != "") & (split == "test")),
        sentences,
    )
    _check(data, rows, config)
    return rows


def _part(label: str, corpus: str, config: Huh2020Config) -> str:
    in_words, in_sentences = corpus in config.word_corpora, corpus in config.sentence_corpora
    if label == BACKGROUND or not (in_words or in_sentences):
        return ""
    if label in config.targets:
        return TARGET if in_words else ""  # a target within a sentence is neither what is spotted nor a non-target
    if label in config.seen_words:
        return SEEN
    if label in config.unseen_words:
        return UNSEEN
    if not in_sentences:
        return ""
    return SEEN if unit_interval("huh2020 seen word", label) < 0.5 else UNSEEN


def _repeated(data: StudyData, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows whose label, speaker and features are those of an earlier row."""
    seen: set[tuple[str, str, str]] = set()
    repeated = []
    for row in rows.tolist():
        key = (
            str(data.labels[row]),
            str(data.speakers[row]),
            sha256(np.ascontiguousarray(data.features[row]).tobytes()),
        )
        if key in seen:
            repeated.append(row)
        seen.add(key)
    return np.array(repeated, np.int64)


def _limited(
    data: StudyData, rows: NDArray[np.int64], parts: NDArray[np.str_], sentences: NDArray[np.bool_], ratio: float
) -> NDArray[np.int64]:
    """All targets and, isolated words first, then by hash of the segment, as many non-targets as the ratio allows."""
    targets, others = rows[parts[rows] == TARGET], rows[parts[rows] != TARGET]
    order = sorted(
        others.tolist(),
        key=lambda row: (bool(sentences[row]), unit_interval("huh2020 non-target", str(data.segment_ids[row]))),
    )
    return np.sort(np.concatenate([targets, np.array(order[: round(ratio * len(targets))], np.int64)]))


def _check(data: StudyData, rows: HuhRows, config: Huh2020Config) -> None:
    for name, chosen in (("train", rows.train), ("development", rows.development), ("test", rows.test)):
        labels = set(data.labels[chosen[rows.parts[chosen] == TARGET]].tolist())
        missing = [word for word in config.targets if word not in labels]
        if missing:
            raise SelectionError(f"target {missing[0]!r} has no segments of {name} speakers in {config.word_corpora}")
        if not (rows.parts[chosen] != TARGET).any():
            raise SelectionError(
                f"there are no non-target segments of {name} speakers: list more seen_words or corpora"
            )
    if not ((rows.parts[rows.test] == UNSEEN) & ~rows.sentences[rows.test]).any():
        raise SelectionError(
            "no segment of unseen_words is by a test speaker: nothing would show how they are rejected"
        )
