"""What a bundle holds beside its encoder: calibrated back ends, or a cohort to enrol keywords with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.bundle import BACKEND_FILES, COHORT, ScoreCalibration, ScoreNormalisation, tensor_bytes
from kws_core.calibration import calibrate
from kws_core.cohort import Cohort, draw_cohort
from kws_core.config import Experiment
from kws_core.evaluation.streams.facts import StreamEmbeddings

COHORT_SIZE = 1000


def with_keywords(
    selection: pa.Table,
    embeddings: NDArray[np.float32],
    experiment: Experiment,
    streams: Sequence[StreamEmbeddings],
    calibrated_on: str,
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Back ends and what is said of them."""
    keywords, config = experiment.selection.keywords, experiment.backends
    fitted = calibrate(
        selection, embeddings, keywords, experiment.test_corpora, config, experiment.seed, streams, calibrated_on
    )
    contents = {BACKEND_FILES[name]: tensor_bytes(backend.arrays()) for name, backend in fitted.backends().items()}
    if fitted.cohort is not None:
        contents[COHORT] = tensor_bytes(fitted.cohort.arrays())
    description = {
        "keywords": keywords,
        "keyword_durations_s": fitted.keyword_durations_s,
        "decision": experiment.backends.decision,
        "thresholds": {name: tuple(values.tolist()) for name, values in fitted.thresholds.items()},
        "operating_point": fitted.operating_point,
        "score_normalisation": None if fitted.top is None else ScoreNormalisation(top=fitted.top),
        "score_calibration": {
            name: ScoreCalibration(slopes=lines.slopes, offsets=lines.offsets)
            for name, lines in (fitted.lines or {}).items()
        },
    }
    return contents, description


def with_cohort(
    selection: pa.Table, embeddings: NDArray[np.float32], experiment: Experiment
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """An encoder bundle: no keywords, but a cohort of speakers that nobody trained on to enrol keywords with."""
    split = np.array(selection["split"].to_pylist())
    held_out = np.isin(np.array(selection["corpus"].to_pylist()), sorted(experiment.test_corpora))
    rows = np.flatnonzero((split != "train") & ~held_out)
    chosen = selection.take(rows)
    labels, speakers = chosen["label"].to_pylist(), chosen["speaker_id"].to_pylist()
    is_background = np.array(chosen["role"].to_pylist()) == "background"
    drawn = draw_cohort(labels, speakers, is_background, COHORT_SIZE, experiment.seed)
    cohort = Cohort(
        embeddings[rows[drawn]],
        tuple(labels[place] for place in drawn.tolist()),
        len({speakers[place] for place in drawn.tolist()}),
    )
    description: dict[str, Any] = {
        "keywords": (),
        "keyword_durations_s": (),
        "decision": "centroid",
        "thresholds": {},
    }
    return {COHORT: tensor_bytes(cohort.arrays())}, description
