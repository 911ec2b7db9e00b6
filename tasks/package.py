"""The refitted encoder with its back ends, thresholds and figures, as a bundle."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core import corpora
from kws_core.bundle import (
    BACKEND_FILES,
    COHORT,
    DESCRIPTION,
    ENCODER,
    WEIGHTS,
    Bundle,
    load_bundle,
    parse_description,
    tensor_bytes,
    unpack_bundle,
    write_bundle,
)
from kws_core.calibration import calibrate
from kws_core.cohort import Cohort, draw_cohort
from kws_core.config import Experiment
from kws_core.evaluation.system import SystemEvaluation
from kws_core.fingerprint import fingerprint
from kws_core.noise_recordings import noise_licences
from tasks import refit
from tasks.console import say
from tasks.judge import Trials, judge
from tasks.places import Places
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

KIND = "bundle"
VERSION = 2
COHORT_SIZE = 1000


@stage_task("package")
def package(places: Places, experiment: Experiment, segments: str, given: TrainingInput, encoder_key: str) -> str:
    """Calibrate, measure and bundle; returns the key of the bundle."""
    store = places.store()
    key = fingerprint(KIND, VERSION, experiment.backends, encoder_key, given, segments, experiment.name)
    if not store.has_object(KIND, key, DESCRIPTION):
        with tempfile.TemporaryDirectory() as folder:
            trials = Trials(store, segments, given.selection, given.pairs)
            bundle = _make(trials, experiment, given, segments, encoder_key, Path(folder) / "bundle")
            # the description is what makes a bundle complete, so it goes last
            for name in bundle.files:
                store.write_object(KIND, key, name, (bundle.folder / name).read_bytes())
    bundle = fetch_bundle(places, key)
    size = sum((bundle.folder / name).stat().st_size for name in bundle.files)
    say("bundle", f"{len(bundle.description.keywords)} keywords, {size / 2**20:.1f} MiB, {bundle.folder}")
    return key


def fetch_bundle(places: Places, key: str) -> Bundle:
    """The bundle as a local folder in the workspace, its hashes checked."""
    store = places.store()
    folder = places.workspace / "bundles" / key[:16]
    if (folder / DESCRIPTION).exists():
        return load_bundle(folder)
    content = store.read_object(KIND, key, DESCRIPTION)
    listed = parse_description(content, Path(KIND) / key / DESCRIPTION).files
    contents = {name: store.read_object(KIND, key, name) for name in listed}
    return unpack_bundle(folder, {**contents, DESCRIPTION: content})


def read_evaluation(
    places: Places, experiment: Experiment, segments: str, given: TrainingInput, key: str
) -> SystemEvaluation:
    """The figures of a bundle, as they were measured when it was made."""
    trials = Trials(places.store(), segments, given.selection, given.pairs)
    return judge(trials, experiment, fetch_bundle(places, key))


def training_licences(
    trials: Trials, experiment: Experiment, given: TrainingInput, selection: pa.Table
) -> tuple[str, ...]:
    """Licences of the training segments and of the noise that was added to them."""
    found = set(trials.licences(selection))
    if experiment.noise_corpora:
        utterances = trials.store.dataset(corpora.STAGE, given.noise)
        found.update(noise_licences(trials.store, utterances, experiment.noise_corpora))
    return tuple(sorted(found))


def _make(
    trials: Trials, experiment: Experiment, given: TrainingInput, segments: str, encoder_key: str, folder: Path
) -> Bundle:
    store = trials.store
    onnx = store.read_object(refit.KIND, encoder_key, refit.ONNX)
    selection = trials.selection_table()
    embeddings = trials.embeddings(selection, onnx)
    contents = {ENCODER: onnx, WEIGHTS: store.read_object(refit.KIND, encoder_key, refit.WEIGHTS)}
    description: dict[str, Any] = {
        "name": experiment.name,
        "features": experiment.features.model_dump(mode="json"),
        "encoder": (store.read_document(refit.KIND, encoder_key) or {})["encoder"],
        "datasets": {"segments": segments, **given.model_dump()},
        "licences": training_licences(trials, experiment, given, selection),
        "metrics": {},
    }
    make = _with_keywords if experiment.selection.keywords else _with_cohort
    more_contents, more_description = make(selection, embeddings, experiment)
    contents.update(more_contents)
    description.update(more_description)
    # measured as a bundle, so that the figures are those of the very files delivered
    measured = judge(trials, experiment, write_bundle(folder, contents, description))
    return write_bundle(folder, contents, {**description, "metrics": measured.metrics()})


def _with_keywords(
    selection: pa.Table, embeddings: NDArray[np.float32], experiment: Experiment
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Back ends and what is said of them."""
    keywords = experiment.selection.keywords
    fitted = calibrate(selection, embeddings, keywords, experiment.test_corpora, experiment.backends, experiment.seed)
    contents = {BACKEND_FILES[name]: tensor_bytes(backend.arrays()) for name, backend in fitted.backends().items()}
    description = {
        "keywords": keywords,
        "keyword_durations_s": fitted.keyword_durations_s,
        "decision": experiment.backends.decision,
        "thresholds": {name: tuple(values.tolist()) for name, values in fitted.thresholds.items()},
        "operating_point": fitted.operating_point,
    }
    return contents, description


def _with_cohort(
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
