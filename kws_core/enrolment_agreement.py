"""Whether the examples of a keyword are of one word."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.enrolment_direction import mean_embedding
from kws_core.enrolment_example import Example
from kws_core.errors import AudioError

ALIKE_SHARE = 0.03
"""Two recordings are of the same word where no more than this share of the cohort is as near to one of them. On
development speakers three good examples are refused in 3 of 100 cases, two and one of another word in 98."""


def check_agreement(
    keyword: str, recordings: Sequence[Example], embeddings: NDArray[np.float32], others: NDArray[np.float32]
) -> float | None:
    """Refuse examples of different words.

    Args:
        keyword: what they are to be.
        recordings: the examples, for their names.
        embeddings: of the examples, `[n, dim]`.
        others: the cohort without the keyword, `[m, dim]`.

    Returns:
        The least cosine of an example to the mean of the others; None of one example.

    Raises:
        AudioError: an example is unlike the rest, or they fall into several words; it names the recordings.
    """
    if len(embeddings) < 2:
        return None
    cosines = embeddings @ embeddings.T
    limits = np.quantile(others @ embeddings.T, 1 - ALIKE_SHARE, axis=0)
    alike = cosines >= np.minimum(limits[:, None], limits[None, :])
    groups = _groups(alike)
    if len(groups) > 1:
        raise AudioError(_disagreement(keyword, recordings, groups, cosines, limits))
    means = [mean_embedding(np.delete(embeddings, place, axis=0)) for place in range(len(embeddings))]
    return round(min(float(own @ mean) for own, mean in zip(embeddings, means, strict=True)), 6)


def _groups(alike: NDArray[np.bool_]) -> list[list[int]]:
    """Rows that are alike, directly or by others between them, the largest group first."""
    left = set(range(len(alike)))
    groups = []
    while left:
        group, border = [], {min(left)}
        while border:
            row = border.pop()
            left.discard(row)
            group.append(row)
            border |= {other for other in left if alike[row, other]}
        groups.append(sorted(group))
    return sorted(groups, key=lambda group: (-len(group), group))


def _disagreement(
    keyword: str,
    recordings: Sequence[Example],
    groups: list[list[int]],
    cosines: NDArray[np.float32],
    limits: NDArray[np.float64],
) -> str:
    if len(groups[0]) * 2 > len(recordings) or len(recordings) == 2:
        odd, rest = groups[-1][0] if len(recordings) > 2 else 0, groups[0]
        if len(recordings) == 2:
            rest = [1]
        nearest = max(rest, key=lambda row: float(cosines[odd, row]))
        limit = min(limits[odd], limits[nearest])
        other = f"the other, {recordings[1].name}" if len(recordings) == 2 else "the others"
        return (
            f"{recordings[odd].name}: unlike {other}: the cosine is {cosines[odd, nearest]:.3f}, and recordings of one "
            f"word such as {keyword!r} have {limit:.3f} or more; leave it out or record it again"
        )
    told = "; ".join(", ".join(recordings[row].name for row in group) for group in groups)
    return f"the recordings of {keyword!r} are of {len(groups)} different words: {told}; keep those of one"
