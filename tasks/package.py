"""The refitted encoder with its back ends, thresholds and figures, as a bundle."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from kws_core import corpora
from kws_core.bundle import (
    DESCRIPTION,
    ENCODER,
    WEIGHTS,
    Bundle,
    load_bundle,
    parse_description,
    unpack_bundle,
    write_bundle,
)
from kws_core.config import Experiment
from kws_core.errors import BundleError
from kws_core.evaluation.system import SystemEvaluation
from kws_core.fingerprint import fingerprint
from kws_core.noise_recordings import noise_licences
from kws_core.operating_point import describe_point
from tasks import refit
from tasks.bundle_contents import with_cohort, with_keywords
from tasks.checked_object import read_checked
from tasks.console import say
from tasks.judge import Trials, judge
from tasks.judge_streams import embed_streams, judge_streams
from tasks.places import Places
from tasks.stage import stage_task
from tasks.streams import StreamSets
from tasks.training_input import TrainingInput

KIND = "bundle"
VERSION = 3
NO_STREAMS = StreamSets()


@stage_task("package")
def package(
    places: Places,
    experiment: Experiment,
    segments: str,
    given: TrainingInput,
    encoder_key: str,
    streams: StreamSets = NO_STREAMS,
) -> str:
    """Calibrate, measure and bundle; returns the key of the bundle."""
    store = places.store()
    key = fingerprint(KIND, VERSION, experiment.backends, encoder_key, given, segments, experiment.name, streams)
    if not store.has_object(KIND, key, DESCRIPTION):
        with tempfile.TemporaryDirectory() as folder:
            trials = Trials(store, segments, given.selection, given.pairs)
            bundle = _make(trials, experiment, given, segments, encoder_key, streams, Path(folder) / "bundle")
            # the description is what makes a bundle complete, so it goes last
            for name in bundle.files:
                store.write_object(KIND, key, name, (bundle.folder / name).read_bytes())
    bundle = fetch_bundle(places, key)
    size = sum((bundle.folder / name).stat().st_size for name in bundle.files)
    say("bundle", f"{len(bundle.description.keywords)} keywords, {size / 2**20:.1f} MiB, {bundle.folder}")
    point = bundle.description.operating_point
    if point is not None:
        say("thresholds", describe_point(point) + (f"; {point.shortage}" if point.shortage else ""))
    return key


def fetch_bundle(places: Places, key: str) -> Bundle:
    """The bundle as a local folder in the workspace, its hashes checked."""
    store = places.store()
    folder = places.workspace / "bundles" / key[:16]
    if (folder / DESCRIPTION).exists():
        with suppress(BundleError):  # a copy that is damaged is fetched again
            return load_bundle(folder)
    content = store.read_object(KIND, key, DESCRIPTION)
    listed = parse_description(content, Path(KIND) / key / DESCRIPTION).files
    # without its description the bundle is made again
    made_by = f"objects/{KIND}/{key}/{DESCRIPTION}"
    contents = {name: read_checked(store, KIND, key, name, digest, made_by) for name, digest in listed.items()}
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
    trials: Trials,
    experiment: Experiment,
    given: TrainingInput,
    segments: str,
    encoder_key: str,
    streams: StreamSets,
    folder: Path,
) -> Bundle:
    store = trials.store
    encoder = refit.read_encoder(store, encoder_key)
    onnx = encoder[refit.ONNX]
    selection = trials.selection_table()
    embeddings = trials.embeddings(selection, onnx)
    contents = {ENCODER: onnx, WEIGHTS: encoder[refit.WEIGHTS]}
    description: dict[str, Any] = {
        "name": experiment.name,
        "features": experiment.features.model_dump(mode="json"),
        "encoder": (store.read_document(refit.KIND, encoder_key) or {})["encoder"],
        "datasets": {"segments": segments, **given.model_dump()},
        "licences": training_licences(trials, experiment, given, selection),
        "metrics": {},
    }
    if experiment.selection.keywords:
        heard = embed_streams(store, streams.development, onnx, experiment.features) if streams.development else ()
        calibrated_on = streams.development or given.selection
        more_contents, more_description = with_keywords(selection, embeddings, experiment, heard, calibrated_on)
    else:
        more_contents, more_description = with_cohort(selection, embeddings, experiment)
    contents.update(more_contents)
    description.update(more_description)
    # measured as a bundle, so that the figures are those of the very files delivered
    bundle = write_bundle(folder, contents, description)
    metrics = judge(trials, experiment, bundle).metrics()
    on_streams = judge_streams(store, streams.test, bundle, experiment.seed)
    if on_streams is not None:
        metrics |= on_streams.metrics()
    return write_bundle(folder, contents, {**description, "metrics": metrics})
