"""Leak checks before any figure is published: of the data before training, and of the model before it is registered."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core import segments as segments_stage
from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.embeddings import segment_window
from kws_core.fingerprint import fingerprint
from kws_core.leak_checks import (
    MOST_COMPARED,
    Leak,
    find_hidden_keywords,
    find_keywords_by_score,
    find_repeated_audio,
    find_same_sounds,
    find_shared_speakers,
    find_shared_voices,
    find_trained_words,
    nearest,
    refuse_leaks,
    sounding_alike,
)
from kws_core.sound_prints import COLUMNS, read_prints
from tasks.console import say
from tasks.judge import Trials
from tasks.package import fetch_bundle
from tasks.places import Places
from tasks.prints import selected_prints
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

KIND = "leaks"
VERSION = 1


@stage_task("data leaks")
def check_data_leaks(places: Places, experiment: Experiment, segments: str, given: TrainingInput) -> str:
    """Speakers, audio, voices, labels and words of the splits; returns the key of the findings.

    Raises:
        LeakError: a check that `evaluation.leaks.allowed` does not name found something.
    """
    store, config = places.store(), experiment.evaluation.leaks
    keywords = experiment.selection.keywords
    key = fingerprint(KIND, VERSION, "data", config, keywords, segments, given.selection, given.pairs)
    if store.read_document(KIND, key) is None:
        trials = Trials(store, segments, given.selection, given.pairs)
        selection = trials.selection_table()
        hashes = selected_prints(store, trials.segments, selection, ["audio_hash"])["audio_hash"]
        leaks = [
            find_shared_speakers(selection),
            find_repeated_audio(selection, hashes),
            find_shared_voices(selection),
            find_hidden_keywords(selection, keywords, config.known_labels),
            find_trained_words(selection, store.read_table(trials.pairs)),
        ]
        notes = (f"{selection.num_rows:,} segments: speakers, audio, voices, labels and unseen words",)
        store.write_document(KIND, key, _document(refuse_leaks(leaks, config.allowed), notes))
    _say(store.read_document(KIND, key) or {})
    return key


@stage_task("model leaks")
def check_model_leaks(
    places: Places, experiment: Experiment, segments: str, given: TrainingInput, bundle_key: str
) -> str:
    """Nearly the same audio by the model's embeddings, keywords among non-targets by its scores; returns the key.

    Raises:
        LeakError: a check that `evaluation.leaks.allowed` does not name found something.
    """
    store, config = places.store(), experiment.evaluation.leaks
    bundle = fetch_bundle(places, bundle_key)
    key = fingerprint(KIND, VERSION, "model", config, experiment.seed, segments, given.selection, bundle.fingerprint)
    if store.read_document(KIND, key) is None:
        trials = Trials(store, segments, given.selection, given.pairs)
        selection = trials.selection_table()
        embeddings = trials.embeddings(selection, bundle.encoder_path.read_bytes())
        same, notes = _same_sounds(trials, selection, embeddings, experiment)
        leaks = refuse_leaks([same, _by_score(selection, embeddings, bundle, experiment)], config.allowed)
        store.write_document(KIND, key, _document(leaks, notes))
    _say(store.read_document(KIND, key) or {})
    return key


def _same_sounds(
    trials: Trials, selection: pa.Table, embeddings: NDArray[np.float32], experiment: Experiment
) -> tuple[Leak | None, tuple[str, ...]]:
    """The finding, and what was compared."""
    config = experiment.evaluation.leaks
    split, role = (np.array(selection[name].to_pylist(), np.str_) for name in ("split", "role"))
    train, test = (np.flatnonzero((split == name) & (role != "background")) for name in ("train", "test"))
    drawn = np.random.default_rng(experiment.seed).permutation(len(test))[: config.most_neighbours]
    near = nearest(embeddings, test[np.sort(drawn)], train, config.neighbour_cosine)
    prints = read_prints(selected_prints(trials.store, trials.segments, selection, ["print"]))
    alike = sounding_alike(near, prints)

    def read_windows(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        part, place = (selection[name].to_numpy()[rows] for name in ("part", "row"))
        windows: list[NDArray[np.float32]] = []
        for number in np.unique(part).tolist():  # rows rise, so parts do
            table = trials.store.read_part(segments_stage.STAGE, trials.segments.parts[number], COLUMNS)
            windows += [segment_window(row) for row in table.take(pa.array(place[part == number])).to_pylist()]
        return np.stack(windows)

    compared = min(len(alike.test), MOST_COMPARED)
    notes = (
        f"{len(drawn):,} of {len(test):,} test words against {len(train):,} training words: {len(near.test):,} pairs "
        f"with near embeddings, waveforms of {compared:,} of {len(alike.test):,} that sound alike compared",
    )
    return find_same_sounds(selection, alike, read_windows, config), notes


def _by_score(
    selection: pa.Table, embeddings: NDArray[np.float32], bundle: Bundle, experiment: Experiment
) -> Leak | None:
    """Test words by the back end that decides; an encoder without keywords has none to hide."""
    description = bundle.description
    if not description.keywords:
        return None
    held_out = pa.compute.is_in(selection["corpus"], pa.array(sorted(experiment.test_corpora), pa.string()))
    tested = pa.compute.and_(pa.compute.equal(selection["split"], "test"), pa.compute.invert(held_out))
    rows = np.flatnonzero(tested.to_numpy())
    backend = bundle.backends()[description.decision]
    scores = backend.score(embeddings[rows])
    thresholds = np.array(description.thresholds[description.decision])
    chosen = selection.take(pa.array(rows))
    return find_keywords_by_score(chosen, scores, thresholds, backend.keywords, experiment.evaluation.leaks)


def _document(leaks: list[Leak], notes: tuple[str, ...]) -> dict[str, Any]:
    return {"leaks": [asdict(leak) for leak in leaks], "compared": list(notes)}


def _say(document: dict[str, Any]) -> None:
    for note in document["compared"]:
        say("leaks", note)
    for leak in document["leaks"]:
        say("leaks", f"allowed: {leak['said']} ({leak['count']:,} rows)")
    if not document["leaks"]:
        say("leaks", "none")
