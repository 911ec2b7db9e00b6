"""The cohort of a bundle: what other words and background sound like to its encoder, to calibrate thresholds on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import named_array
from kws_core.errors import BundleError

# What a sliding window hears most of the time; the rest of the cohort are words.
BACKGROUND_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Cohort:
    """L2-normalised `embeddings [n, dim]` (float32), the label of each, and how many speakers said them."""

    embeddings: NDArray[np.float32]
    labels: tuple[str, ...]
    speakers: int

    def __len__(self) -> int:
        return len(self.labels)

    def is_other(self, keyword: str) -> NDArray[np.bool_]:
        """Which rows `[n]` are not the keyword, whatever the case of its letters."""
        return np.array([label.casefold() != keyword.casefold() for label in self.labels], np.bool_)

    def without(self, keyword: str) -> NDArray[np.float32]:
        """Embeddings `[m, dim]` of everything but the keyword."""
        return self.embeddings[self.is_other(keyword)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`embeddings [n, dim]` as float16, `labels` as UTF-8 bytes with a line each, and `speakers [1]`."""
        text = "\n".join(self.labels).encode()
        return {
            "embeddings": self.embeddings.astype(np.float16),
            "labels": np.frombuffer(text, np.uint8),
            "speakers": np.array([self.speakers], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The cohort of saved `arrays`, of length 1 again; raises `BundleError` when they are not a cohort's."""
        embeddings = named_array(arrays, "embeddings", (None, None)).astype(np.float32)
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        if not len(embeddings) or not np.isfinite(embeddings).all() or (lengths < 0.5).any():
            raise BundleError("the cohort is empty or its embeddings are not of length 1")
        try:
            labels = tuple(named_array(arrays, "labels", (None,)).tobytes().decode().split("\n"))
        except UnicodeDecodeError as error:
            raise BundleError("the labels of the cohort are not text") from error
        if len(labels) != len(embeddings):
            raise BundleError(f"the cohort has {len(embeddings)} embeddings and {len(labels)} labels")
        return cls(embeddings / lengths, labels, int(named_array(arrays, "speakers", (1,))[0]))


def draw_cohort(
    labels: Sequence[str], speakers: Sequence[str], is_background: NDArray[np.bool_], size: int, seed: int
) -> NDArray[np.int64]:
    """Rows `[at most size]`, ascending, for a cohort: of as many labels and, among them, of as many speakers as can be.

    Labels take turns in an order drawn by `seed`; each gives a row of the speaker who has given least so far. A share
    `BACKGROUND_SHARE` of the places is for rows that `is_background`, and what one kind lacks the other fills.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    background = [row for row in order.tolist() if is_background[row]]
    words = [row for row in order.tolist() if not is_background[row]]
    places = min(len(background), max(round(size * BACKGROUND_SHARE), size - len(words)))
    given: dict[str, int] = {}
    chosen = _take_turns(words, labels, speakers, given, size - places)
    chosen += _take_turns(background, labels, speakers, given, places)
    return np.sort(np.array(chosen, np.int64))


def _take_turns(
    rows: list[int], labels: Sequence[str], speakers: Sequence[str], given: dict[str, int], places: int
) -> list[int]:
    waiting: dict[str, list[int]] = {}
    for row in rows:
        waiting.setdefault(labels[row], []).append(row)
    chosen: list[int] = []
    while waiting and len(chosen) < places:
        for label in list(waiting)[: places - len(chosen)]:
            row = min(waiting[label], key=lambda candidate: given.get(speakers[candidate], 0))
            given[speakers[row]] = given.get(speakers[row], 0) + 1
            chosen.append(row)
            waiting[label].remove(row)
            if not waiting[label]:
                del waiting[label]
    return chosen
