"""Keywords that were learnt by example, and the bundle with them added."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.centroid import CentroidBackend
from kws_core.bundle import (
    BACKEND_FILES,
    CENTROIDS,
    FILES,
    Bundle,
    EnrolledKeyword,
    ScoreNormalisation,
    tensor_bytes,
    write_bundle,
)


@dataclass(frozen=True, eq=False)
class EnrolledKeywords:
    """Keywords with their directions `[keywords, dim]`, thresholds, usual durations and where they come from."""

    bundle: Bundle
    """The bundle whose encoder heard them."""
    backend: CentroidBackend
    thresholds: tuple[float, ...]
    durations_s: tuple[float, ...]
    origins: tuple[EnrolledKeyword, ...]
    top: int | None
    """Of the cohort, for the normalisation of the scores that the thresholds are of; None of plain cosines."""
    warnings: tuple[str, ...] = ()
    """What their user should know, a sentence each."""

    def write(self, folder: Path) -> Bundle:
        """Write the bundle with these keywords added, or put in the place of those of the same name.

        Only the centroid back end goes on: an SVM or a softmax cannot take a keyword without being trained again.
        Measured figures go on but for those of the back ends, which were measured on other keywords.

        Raises:
            BundleError: the folder cannot be written.
        """
        old = self.bundle.description
        centroids, thresholds, durations_s = _of_keywords(self.bundle)
        for place, keyword in enumerate(self.backend.keywords):
            centroids[keyword] = self.backend.centroids[place]
            thresholds[keyword] = self.thresholds[place]
            durations_s[keyword] = self.durations_s[place]
        enrolled = {**old.enrolled, **dict(zip(self.backend.keywords, self.origins, strict=True))}
        keywords = tuple(centroids)
        description = {
            **old.model_dump(exclude={"files"}),
            "keywords": keywords,
            "keyword_durations_s": tuple(durations_s.values()),
            "thresholds": {"centroid": tuple(thresholds.values())},
            "operating_point": old.operating_point if set(keywords) - set(enrolled) else None,
            "enrolled": enrolled,
            "score_normalisation": None if self.top is None else ScoreNormalisation(top=self.top),
            "metrics": {name: value for name, value in old.metrics.items() if name.split(".")[0] not in BACKEND_FILES},
        }
        kept = [name for name in FILES if name in old.files and name not in BACKEND_FILES.values()]
        contents = {name: (self.bundle.folder / name).read_bytes() for name in kept}
        backend = CentroidBackend(keywords, np.stack(list(centroids.values())))
        return write_bundle(folder, {**contents, CENTROIDS: tensor_bytes(backend.arrays())}, description)


def _of_keywords(bundle: Bundle) -> tuple[dict[str, NDArray[np.float32]], dict[str, float], dict[str, float]]:
    """Centroid, threshold and duration of each keyword that a bundle has."""
    description = bundle.description
    if not description.keywords:
        return {}, {}, {}
    backend = CentroidBackend.from_arrays(description.keywords, bundle.tensors(CENTROIDS))
    return (
        dict(zip(description.keywords, backend.centroids, strict=True)),
        dict(zip(description.keywords, description.thresholds["centroid"], strict=True)),
        dict(zip(description.keywords, description.keyword_durations_s, strict=True)),
    )
