"""A noise corpus from its manifest to the training data, through the real stages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from in_this_process import without_ray

from kws_core import alignment, corpora, segments
from kws_core.config import Experiment
from kws_core.errors import CorpusError, TrainingError
from kws_core.training.batches import batch_source
from tasks.align import align
from tasks.cut import cut
from tasks.featurise import featurise
from tasks.ingest import ingest
from tasks.judge import Trials
from tasks.package import training_licences
from tasks.places import Places
from tasks.search import training_spec
from tasks.select import select
from tasks.training_input import TrainingInput

WORDS = ("go", "stop", "left")
SPEAKERS = 10
NOISE_S = (5.0, 0.7, 3.0)
"""The first is longer than `max_duration_s`."""


@pytest.fixture(scope="module", autouse=True)
def _executor() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        without_ray(patch)
        yield


@dataclass(frozen=True)
class Made:
    """Fingerprints of the datasets with the noise corpus."""

    places: Places
    experiment: Experiment
    utterances: str
    words: str
    segments: str
    given: TrainingInput


def recordings(folder: Path) -> None:
    """Bursts as words and steady noise, each with its table; the noise has no transcripts."""
    rng = np.random.default_rng(0)
    lines = ["path\tspeaker\ttext\tlicence"]
    for speaker in range(SPEAKERS):
        for word in WORDS:
            pcm = rng.normal(scale=1e-3, size=16_000)
            pcm[4000:12000] += rng.normal(scale=0.1, size=8000)
            soundfile.write(folder / f"{speaker}-{word}.wav", pcm, 16_000)
            lines.append(f"{speaker}-{word}.wav\tspeaker-{speaker}\t{word}\tCC BY")
    (folder / "words.tsv").write_text("\n".join(lines) + "\n")
    lines = ["path\tspeaker\ttext\tlicence"]
    for number, duration_s in enumerate(NOISE_S):
        pcm = rng.normal(scale=0.05, size=int(duration_s * 16_000))
        soundfile.write(folder / f"noise-{number}.wav", pcm, 16_000)
        lines.append(f"noise-{number}.wav\tstreet\t\tlicence of noise {number}")
    (folder / "noise.tsv").write_text("\n".join(lines) + "\n")


def experiment_of(folder: Path, **noise: str) -> Experiment:
    """Words, and the noise as a corpus where its fields are given."""
    tables: dict[str, dict[str, Any]] = {
        "words": {"recipe": "manifest", "path": str(folder / "words.tsv"), "aligner": "whole_clip"},
    }
    if noise:
        tables["a-noise"] = {"recipe": "manifest", "path": str(folder / "noise.tsv"), **noise}
    return Experiment.model_validate(
        {
            "name": "noisy",
            "purpose": "enrolment",
            "corpora": tables,
            "ingest": {"part_bytes": 300_000, "max_duration_s": 4},
            "segments": {"background_share": 0.0},
            "selection": {
                "development_share": 0.3,
                "test_share": 0.2,
                "out_of_vocabulary_share": 0.0,
                "min_train_segments": 1,
                "pairs": 50,
            },
            "augmentation": {"waveform": {"noise_share": 1.0}},
            "training": {"input": "waveforms"},
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("noise")
    recordings(folder)
    places, experiment = Places.in_workspace(folder), experiment_of(folder, use="noise")
    utterances = ingest.fn(places, experiment)
    words = align.fn(places, experiment, utterances)
    cuts = cut.fn(places, experiment, utterances, words)
    features = featurise.fn(places, experiment, cuts)
    selection, pairs = select.fn(places, experiment, cuts)
    given = TrainingInput(features=features, selection=selection, pairs=pairs, segments=cuts, noise=utterances)
    return Made(places, experiment, utterances, words, cuts, given)


def test_noise_is_ingested_and_nothing_else(made: Made) -> None:
    store = made.places.store()
    utterances = store.dataset(corpora.STAGE, made.utterances)
    rows = [row for row in store.read_table(utterances).to_pylist() if row["corpus"] == "a-noise"]
    assert sorted((row["source"], row["duration_s"], row["text"]) for row in rows) == [
        ("noise-0.wav piece 1 of 2", 2.5, ""),
        ("noise-0.wav piece 2 of 2", 2.5, ""),
        ("noise-1.wav", 0.7, ""),
        ("noise-2.wav", 3.0, ""),
    ]
    words = store.dataset(alignment.STAGE, made.words)
    cuts = store.dataset(segments.STAGE, made.segments)
    for manifest in (words, cuts):
        assert [part.corpus for part in manifest.parts] == [part.corpus for part in utterances.parts]
        assert {part.rows for part in manifest.parts if part.corpus == "a-noise"} == {0}
        assert (manifest.rows, manifest.rejected) == (SPEAKERS * len(WORDS), 0)
    selection = Trials(store, made.segments, made.given.selection, made.given.pairs).selection_table()
    assert set(selection["corpus"].to_pylist()) == {"words"}


def test_parts_of_words_do_not_know_of_the_noise(made: Made) -> None:
    without = experiment_of(made.places.workspace)
    utterances = ingest.fn(made.places, without)
    words = align.fn(made.places, without, utterances)
    cuts = cut.fn(made.places, without, utterances, words)
    store = made.places.store()
    pairs = [(corpora.STAGE, utterances, made.utterances), (alignment.STAGE, words, made.words)]
    for stage, alone, beside in [*pairs, (segments.STAGE, cuts, made.segments)]:
        kept = [part for part in store.dataset(stage, beside).parts if part.corpus != "a-noise"]
        assert list(store.dataset(stage, alone).parts) == kept
        assert len(kept) > 1


def test_training_data_holds_the_noise_and_batches_use_it(made: Made) -> None:
    data = made.given.load(made.places, made.experiment)
    assert data.noise is not None
    assert (data.noise.dtype, data.noise.shape) == (np.float32, (2 * 2 + 1 + 2, 32_000))
    np.testing.assert_allclose(data.noise.std(axis=1), 0.05, rtol=0.1)
    again = made.given.load(made.places, made.experiment).noise
    np.testing.assert_array_equal(data.noise, again)
    spec = training_spec(made.experiment, made.experiment.search.encoders[0])

    def batch(noise: np.ndarray | None, seed: int = 0) -> torch.Tensor:
        source = batch_source(replace(data, noise=noise), spec, torch.device("cpu"))
        return source(data.train[:8], torch.Generator().manual_seed(seed))

    assert torch.isfinite(batch(data.noise)).all()
    assert torch.equal(batch(data.noise), batch(again))
    assert not torch.equal(batch(data.noise), batch(None))
    # other noise of the same level changes the batch: it is what was recorded that is heard
    assert not torch.equal(batch(data.noise), batch(data.noise[::-1].copy()))


def test_bundles_name_the_licences_of_the_noise(made: Made) -> None:
    trials = Trials(made.places.store(), made.segments, made.given.selection, made.given.pairs)
    selection = trials.selection_table()
    of_noise = tuple(f"licence of noise {number}" for number in range(3))
    assert training_licences(trials, made.experiment, made.given, selection) == ("CC BY", *of_noise)
    without = experiment_of(made.places.workspace)
    assert training_licences(trials, without, made.given, selection) == ("CC BY",)


def test_noise_corpora_without_their_utterances_are_an_error(made: Made) -> None:
    forgotten = made.given.model_copy(update={"noise": ""})
    with pytest.raises(TrainingError, match="noise corpora need the dataset of utterances beside that of features"):
        forgotten.load(made.places, made.experiment)
    assert forgotten.load(made.places, experiment_of(made.places.workspace)).noise is None


def test_an_empty_transcript_in_a_corpus_of_words_is_still_rejected(made: Made) -> None:
    wrong = experiment_of(made.places.workspace, use="split")
    with pytest.raises(CorpusError, match=r"3 of 33 inputs were rejected, .*: the transcript is empty"):
        ingest.fn(made.places, wrong)
