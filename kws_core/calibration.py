"""Back ends fitted on training embeddings, with thresholds calibrated on development speakers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.backends.backend import Backend
from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.softmax import SoftmaxBackend
from kws_core.backends.svm import SvmBackend
from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.backends.transforms import LogisticLines, transformed
from kws_core.bundle import OperatingPoint
from kws_core.cohort import Cohort, draw_cohort
from kws_core.config import BackendsConfig
from kws_core.errors import TrainingError
from kws_core.evaluation.streams.facts import StreamEmbeddings, StreamScores
from kws_core.evaluation.streams.scores import score_streams
from kws_core.evaluation.streams.thresholds import calibrate_false_alarms
from kws_core.operating_point import point_of_segments, point_of_streams
from kws_core.score_calibration import fit_logistic


@dataclass(frozen=True)
class CalibratedBackends:
    """The back ends of a spotter and the thresholds of each."""

    centroid: CentroidBackend
    svm: SvmBackend
    softmax: SoftmaxBackend
    thresholds: dict[str, NDArray[np.float64]]
    """Per back end `[keywords]`, of its scores as they are normalised and calibrated."""
    operating_point: OperatingPoint
    keyword_durations_s: tuple[float, ...]
    cohort: Cohort | None = None
    """That the centroids' scores are normalised by."""
    top: int | None = None
    """So many of the nearest of the cohort."""
    lines: dict[str, LogisticLines] | None = None
    """Per back end, the calibration of its scores."""

    def backends(self) -> dict[str, Backend]:
        """The back ends by name, as they score."""
        plain: dict[str, Backend] = {"centroid": self.centroid, "svm": self.svm, "softmax": self.softmax}
        cohort = None if self.cohort is None else self.cohort.embeddings
        return {name: transformed(name, backend, cohort, self.top, self.lines or {}) for name, backend in plain.items()}


def calibrate(
    selection: pa.Table,
    embeddings: NDArray[np.float32],
    keywords: tuple[str, ...],
    test_corpora: frozenset[str],
    config: BackendsConfig,
    seed: int,
    streams: Sequence[StreamEmbeddings] = (),
    dataset: str | None = None,
) -> CalibratedBackends:
    """Fit centroids, SVM and softmax on the training rows; calibrate on the development rows or streams.

    Background counts as non-target everywhere: between words a spotter must stay silent too. The non-targets have a
    centroid of their own, and are one class of the softmax.

    Args:
        selection: `schemas.SELECTION`.
        embeddings: `[rows of the selection, dim]`, L2-normalised.
        keywords: the targets.
        test_corpora: left out.
        config: the candidates, what is done to scores, and the operating point.
        seed: for the SVM, the cohort and intervals.
        streams: of development speakers; needed for an operating point in false alarms an hour.
        dataset: fingerprint of the data that thresholds are calibrated on: the selection's, or the streams'.

    Raises:
        TrainingError: a keyword without training or development rows, nothing to tell it from, or no streams where
            they are needed.
    """
    labels = np.array(selection["label"].to_pylist())
    split = np.array(selection["split"].to_pylist())
    ours = ~np.isin(np.array(selection["corpus"].to_pylist()), sorted(test_corpora))
    train, development = (split == "train") & ours, (split == "development") & ours
    centroid = CentroidBackend.fit(embeddings[train], labels[train], keywords, unknown=True)
    svm = SvmBackend.fit(
        embeddings[train],
        labels[train],
        embeddings[development],
        labels[development],
        keywords,
        c=config.svm_c,
        gamma=config.svm_gamma,
        seed=seed,
    )
    softmax = SoftmaxBackend.fit(embeddings[train], labels[train], keywords)
    cohort, top = None, None
    if config.score_normalisation == "as_norm":
        cohort = _cohort(selection, embeddings, train & ~np.isin(labels, keywords), config.cohort_size, seed)
        top = min(config.cohort_top, len(cohort))
    plain: dict[str, Backend] = {"centroid": centroid, "svm": svm, "softmax": softmax}
    known = None if cohort is None else cohort.embeddings
    fitted = {name: transformed(name, backend, known, top, {}) for name, backend in plain.items()}
    is_keyword = labels[development][:, None] == np.array(keywords)[None, :]
    lines: dict[str, LogisticLines] = {}
    if config.score_calibration == "logistic":
        lines = {
            name: fit_logistic(backend.score(embeddings[development]), is_keyword) for name, backend in fitted.items()
        }
        fitted = {name: transformed(name, backend, None, None, lines) for name, backend in fitted.items()}
    speakers = np.array(selection["speaker_id"].to_pylist())[development]
    deciding = config.decision
    if config.far is not None:
        scores = {name: backend.score(embeddings[development]) for name, backend in fitted.items()}
        thresholds = {name: calibrate_thresholds(found, is_keyword, config.far) for name, found in scores.items()}
        point = point_of_segments(
            config.far, scores[deciding], is_keyword, speakers, keywords, thresholds[deciding], seed, dataset
        )
    else:
        wish = config.max_false_alarms_per_hour or 0.0
        heard = _stream_scores(fitted, streams, wish)
        thresholds = {name: calibrate_false_alarms(found, keywords, wish) for name, found in heard.items()}
        point = point_of_streams(wish, heard[deciding], keywords, thresholds[deciding], seed, dataset)
    word_s = selection["word_s"].to_numpy()
    durations_s = tuple(round(float(np.median(word_s[train & (labels == word)])), 3) for word in keywords)
    return CalibratedBackends(
        centroid, svm, softmax, thresholds, point, durations_s, cohort=cohort, top=top, lines=lines or None
    )


def _cohort(
    selection: pa.Table, embeddings: NDArray[np.float32], others: NDArray[np.bool_], size: int, seed: int
) -> Cohort:
    """Training rows that are no keywords, as precise as the bundle keeps them."""
    rows = np.flatnonzero(others)
    chosen = selection.take(rows)
    labels, speakers = chosen["label"].to_pylist(), chosen["speaker_id"].to_pylist()
    background = np.array(chosen["role"].to_pylist()) == "background"
    drawn = draw_cohort(labels, speakers, background, size, seed).tolist()
    if len(drawn) < 2:
        raise TrainingError("score_normalisation: as_norm needs two training segments or more that are no keywords")
    cohort = Cohort(embeddings[rows[drawn]], tuple(labels[row] for row in drawn), len({speakers[row] for row in drawn}))
    return Cohort.from_arrays(cohort.arrays())


def _stream_scores(
    fitted: dict[str, Backend], streams: Sequence[StreamEmbeddings], wish: float
) -> dict[str, tuple[StreamScores, ...]]:
    if not streams:
        raise TrainingError(
            f"thresholds for {wish:g} false alarms an hour need streams of development speakers, and there are none: "
            "set backends.far instead, or add recordings and see the section streams"
        )
    return {name: score_streams(streams, backend) for name, backend in fitted.items()}
