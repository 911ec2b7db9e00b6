"""A system on the rows of a selection: its embeddings, and what its back end makes of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.thresholds import decide

_NEVER = float(np.finfo(np.float32).min)


@dataclass(frozen=True, eq=False)
class SystemScores:
    """Embeddings `[rows, dim]` of every row of a selection, and the back end that decides; None for a bare encoder."""

    name: str
    embeddings: NDArray[np.float32]
    backend: Backend | None = None
    thresholds: NDArray[np.float64] | None = None

    def decisions(
        self, rows: NDArray[np.int64], targets: tuple[str, ...]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """What the rows are taken for, `[n]` (a target's index, or -1), and score less threshold `[n, targets]`.

        A keyword of the system that is no target counts as a rejection; a target that it lacks is never reached.
        Raises `ValueError` for a bare encoder.
        """
        if self.backend is None or self.thresholds is None:
            raise ValueError(f"{self.name} is an encoder without keywords: it decides nothing")
        scores = self.backend.score(self.embeddings[rows])
        keywords = self.backend.keywords
        places = [targets.index(keyword) if keyword in targets else -1 for keyword in keywords]
        heard = np.array([*places, -1], np.int64)[decide(scores, self.thresholds)]
        margins = np.full((len(rows), len(targets)), _NEVER)
        for column, place in enumerate(places):
            if place >= 0:
                margins[:, place] = scores[:, column] - self.thresholds[column]
        return heard, margins
