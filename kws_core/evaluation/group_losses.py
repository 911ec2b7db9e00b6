"""Which keyword or speaker lost most from one system to another, and whether chance explains it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class GroupLoss:
    """A group whose rows two systems decided: how many of them one lost and gained against the other."""

    group: str
    rows: int
    lost: int
    """Decided rightly by the baseline only."""
    gained: int
    """Decided rightly by our system only."""
    chance: float
    """Probability of losing at least so many of the rows that the two differ on, were either as likely (one-sided
    sign test; McNemar 1947, Psychometrika 12)."""

    @property
    def loss(self) -> float:
        """Share of the rows that were lost, net."""
        return (self.lost - self.gained) / self.rows


def group_losses(groups: NDArray[np.str_], ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> tuple[GroupLoss, ...]:
    """Compare two systems in every group, the largest loss first.

    Args:
        groups: `[rows]`; rows of the group "" are left out.
        ours: `[rows]`: decided rightly by our system.
        theirs: `[rows]`: by the baseline.
    """
    from scipy.stats import binomtest  # here: what serves a spotter has no scipy

    found = []
    names, codes = np.unique(groups, return_inverse=True)
    lost, gained = _count(codes, ~ours & theirs, len(names)), _count(codes, ours & ~theirs, len(names))
    rows = _count(codes, np.ones(len(codes), np.bool_), len(names))
    for place, name in enumerate(names.tolist()):
        if name:
            differ = lost[place] + gained[place]
            chance = float(binomtest(lost[place], differ, 0.5, "greater").pvalue) if differ else 1.0
            found.append(GroupLoss(name, rows[place], lost[place], gained[place], chance))
    return tuple(sorted(found, key=lambda one: (-one.loss, one.chance, one.group)))


def _count(codes: NDArray[Any], counted: NDArray[np.bool_], groups: int) -> list[int]:
    counts: list[int] = np.bincount(codes[counted], minlength=groups).tolist()
    return counts
