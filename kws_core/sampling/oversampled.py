"""Rare classes repeated until they are as many as the largest."""

from collections.abc import Sequence

from kws_core.sampling.equal_counts import EqualCounts


class Oversampled(EqualCounts):
    """Every class with as many draws as the largest has rows.

    Source: a baseline of Arora et al. 2019.
    """

    def draws(self, sizes: Sequence[int]) -> int:
        """The rows of the largest class."""
        return max(sizes)
