"""All pairs of rows that may meet in a trial, counted and numbered without listing them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NumberedPairs:
    """Unordered pairs of rows of different speakers and either one label or different ones.

    `pairs(numbers)` maps 0 … `count` - 1 one to one onto them. Memory and time of a call grow with the rows and the
    numbers, never with the pairs.
    """

    same: bool
    """Whether the two labels are equal."""
    count: int
    """How many pairs there are."""
    _order: Indexes
    _cumulative: Indexes
    _label: "_Occurrences"
    _speaker: "_Occurrences"
    _cell: "_Occurrences"

    @classmethod
    def of(cls, label_ids: Indexes, speaker_ids: Indexes, same: bool) -> "NumberedPairs":
        """Number the pairs of rows with these labels and speakers, each `[rows]` and numbered from 0.

        Of one label: by label, then by the first row, then by the second. Of different labels: by the first row, then
        by the second.
        """
        label, speaker = _Occurrences.of(label_ids), _Occurrences.of(speaker_ids)
        cell = _Occurrences.of(label_ids * (int(speaker_ids.max(initial=-1)) + 1) + speaker_ids)
        later = np.arange(len(label_ids) - 1, -1, -1, dtype=np.int64)
        if same:
            order, partners = np.argsort(label_ids, kind="stable"), label.later - cell.later
        else:
            order, partners = np.arange(len(label_ids)), later - label.later - speaker.later + cell.later
        cumulative = np.cumsum(partners[order], dtype=np.int64)
        count = int(cumulative[-1]) if len(cumulative) else 0
        return cls(same, count, order, cumulative, label, speaker, cell)

    def of_labels(self, starts: Indexes) -> Indexes:
        """How many of the pairs of one label each label has; `starts [labels]` are their first rows when sorted."""
        before = np.concatenate([[0], self._cumulative])
        counts: Indexes = np.diff(before[np.append(starts, len(self._cumulative))])
        return counts

    def pairs(self, numbers: Indexes) -> Indexes:
        """The pairs of these numbers, rows `[numbers, 2]` in rising order."""
        place = np.searchsorted(self._cumulative, numbers, side="right")
        left: Indexes = self._order[place]
        partners_before = np.where(place > 0, self._cumulative[place - 1], 0)
        wanted = numbers - partners_before + 1
        # the first row up to which `left` has met as many partners as wanted
        low, high = left + 1, np.full(len(left), len(self._order) - 1, np.int64)
        while (low < high).any():
            middle = (low + high) // 2
            enough = self._partners(left, middle) >= wanted
            low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
        return np.stack([left, low], axis=1)

    def _partners(self, left: Indexes, right: Indexes) -> Indexes:
        """How many rows after `left`, up to and with `right`, make a pair with `left`."""
        labels, cells = self._label.between(left, right), self._cell.between(left, right)
        if self.same:
            return labels - cells
        return right - left - labels - self._speaker.between(left, right) + cells


@dataclass(frozen=True, eq=False)
class _Occurrences:
    """Where each code occurs."""

    codes: Indexes
    places: Indexes
    """code * rows + row, sorted."""
    later: Indexes
    """`[rows]`: rows after this one with its code."""

    @classmethod
    def of(cls, codes: Indexes) -> "_Occurrences":
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        rows = len(codes)
        order = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=1))
        later = np.empty(rows, np.int64)
        later[order] = ends[codes[order]] - 1 - np.arange(rows)
        return cls(codes, codes[order] * rows + order, later)

    def between(self, left: Indexes, right: Indexes) -> Indexes:
        """How often the code of row `left` occurs after it, up to and with row `right`."""
        first = self.codes[left] * len(self.codes)
        upto = np.searchsorted(self.places, np.stack([first + left, first + right]), side="right")
        counts: Indexes = upto[1] - upto[0]
        return counts
