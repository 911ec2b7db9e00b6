"""The refitted encoder with its back ends, thresholds and figures, as a bundle."""

import tempfile
from pathlib import Path
from typing import Any

from kws_core.bundle import (
    CENTROIDS,
    DESCRIPTION,
    ENCODER,
    FILES,
    SVM,
    WEIGHTS,
    Bundle,
    load_bundle,
    tensor_bytes,
    unpack_bundle,
    write_bundle,
)
from kws_core.calibration import calibrate
from kws_core.config import Experiment
from kws_core.evaluation.system import SystemEvaluation
from kws_core.fingerprint import fingerprint
from tasks import refit
from tasks.console import say
from tasks.judge import Trials, judge
from tasks.places import Places
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

KIND = "bundle"
VERSION = 1


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
            for name in (*FILES, DESCRIPTION):
                store.write_object(KIND, key, name, (bundle.folder / name).read_bytes())
    bundle = fetch_bundle(places, key)
    size = sum((bundle.folder / name).stat().st_size for name in FILES)
    say("bundle", f"{len(bundle.description.keywords)} keywords, {size / 2**20:.1f} MiB, {bundle.folder}")
    return key


def fetch_bundle(places: Places, key: str) -> Bundle:
    """The bundle as a local folder in the workspace, its hashes checked."""
    store = places.store()
    folder = places.workspace / "bundles" / key[:16]
    if (folder / DESCRIPTION).exists():
        return load_bundle(folder)
    return unpack_bundle(folder, {name: store.read_object(KIND, key, name) for name in (*FILES, DESCRIPTION)})


def read_evaluation(
    places: Places, experiment: Experiment, segments: str, given: TrainingInput, key: str
) -> SystemEvaluation:
    """The figures of a bundle, as they were measured when it was made."""
    trials = Trials(places.store(), segments, given.selection, given.pairs)
    return judge(trials, experiment, fetch_bundle(places, key))


def _make(
    trials: Trials, experiment: Experiment, given: TrainingInput, segments: str, encoder_key: str, folder: Path
) -> Bundle:
    store = trials.store
    onnx = store.read_object(refit.KIND, encoder_key, refit.ONNX)
    selection = trials.selection_table()
    keywords = experiment.selection.keywords
    fitted = calibrate(
        selection,
        trials.embeddings(selection, onnx),
        keywords,
        experiment.test_corpora,
        experiment.backends,
        experiment.seed,
    )
    contents = {
        ENCODER: onnx,
        WEIGHTS: store.read_object(refit.KIND, encoder_key, refit.WEIGHTS),
        CENTROIDS: tensor_bytes(fitted.centroid.arrays()),
        SVM: tensor_bytes(fitted.svm.arrays()),
    }
    description: dict[str, Any] = {
        "name": experiment.name,
        "keywords": keywords,
        "keyword_durations_s": fitted.keyword_durations_s,
        "decision": experiment.backends.decision,
        "thresholds": {name: tuple(values.tolist()) for name, values in fitted.thresholds.items()},
        "operating_point": fitted.operating_point,
        "features": experiment.features.model_dump(mode="json"),
        "encoder": (store.read_document(refit.KIND, encoder_key) or {})["encoder"],
        "datasets": {"segments": segments, **given.model_dump()},
        "licences": trials.licences(selection),
        "metrics": {},
    }
    # measured as a bundle, so that the figures are those of the very files delivered
    measured = judge(trials, experiment, write_bundle(folder, contents, description))
    return write_bundle(folder, contents, {**description, "metrics": measured.metrics()})
