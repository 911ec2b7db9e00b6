"""Small inputs for the tests: selections, separable features, and a bundle trained on a few synthesised words."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from kws_core.bundle import BACKEND_FILES, ENCODER, WEIGHTS, Bundle, tensor_bytes, write_bundle
from kws_core.calibration import CalibratedBackends, calibrate
from kws_core.config import (
    SAMPLE_RATE_HZ,
    AugmentationConfig,
    BackendsConfig,
    EncoderConfig,
    FeaturesConfig,
    LossConfig,
    SelectionConfig,
    TrainingConfig,
    TrainingSpec,
)
from kws_core.corpora.demo import PlannedUtterance, synthesise_speaker
from kws_core.corpora.demo_voices import Voice
from kws_core.embeddings import embed_part, read_embeddings
from kws_core.encoders import Encoder
from kws_core.feature_cache import read_features
from kws_core.features import featurise_part
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.onnx_export import export_onnx
from kws_core.pairs import draw_pairs
from kws_core.schemas import SEGMENTS, SELECTION
from kws_core.selection import INDEX, INDEX_COLUMNS, select
from kws_core.training import EpochReport, fit
from kws_core.training_data import TrainingData, training_data

SMALL_FEATURES = FeaturesConfig(frames=16, mel_bins=12, coefficients=8)
SMALL_ENCODER = EncoderConfig(name="res15", maps=6, stem_pooling=(2, 2), embedding_dim=8)
NO_AUGMENTATION = AugmentationConfig(shift_share=0, swap_context_share=0, gain_db=0, channel_db=0, mask_context_share=0)


def index_row(number: int, speaker: str, label: str, corpus: str = "split", word_s: float = 0.4) -> dict:
    """One row of a segment index; `number` makes its id."""
    place = {"part": number // 10, "row": number % 10}
    times = {"word_start_s": 0.25, "word_end_s": 0.25 + word_s}
    return {
        "segment_id": f"segment-{number:04d}",
        "corpus": corpus,
        "speaker_id": speaker,
        "split": "",
        "label": label,
        **times,
        **place,
    }


def selection_rows(rows: list[dict]) -> pa.Table:
    """A selection whose rows may leave out everything but what a test is about."""
    defaults = {"part": 0, "corpus": "split", "speaker_id": "s", "label": "go", "label_id": 0, "word_s": 0.4}
    usual = [
        {**defaults, "split": "train", "role": "non-target", "segment_id": f"segment-{number:04d}", "row": number}
        for number in range(len(rows))
    ]
    return pa.Table.from_pylist([{**base, **row} for base, row in zip(usual, rows, strict=True)], schema=SELECTION)


def toy_data(seed: int = 0, noise: float = 0.5, classes: int = 4) -> TrainingData:
    """Separable features of `classes` labels: a pattern each, under noise. Two development labels are new."""
    rng = np.random.default_rng(seed)
    patterns = rng.normal(size=(classes + 2, SMALL_FEATURES.frames, SMALL_FEATURES.coefficients))
    train_labels = np.repeat(np.arange(classes), 12)
    development_labels = np.repeat(np.arange(classes + 2), 6)
    labels = np.concatenate([train_labels, development_labels])
    features = patterns[labels] + noise * rng.normal(size=(len(labels), *patterns.shape[1:]))
    left, right = np.triu_indices(len(development_labels), 1)
    known = (development_labels[left] < classes) & (development_labels[right] < classes)
    new = (development_labels[left] >= classes) & (development_labels[right] >= classes)
    trials = {
        name: (
            left[mask] + len(train_labels),
            right[mask] + len(train_labels),
            development_labels[left[mask]] == development_labels[right[mask]],
        )
        for name, mask in (("development in-vocabulary", known), ("development out-of-vocabulary", new))
    }
    return TrainingData(
        features=features.astype(np.float16),
        label_ids=np.where(labels < classes, labels, -1).astype(np.int64),
        word_frames=np.tile(np.array([4, 12]), (len(labels), 1)),
        train=np.arange(len(train_labels)),
        trials=trials,
        classes=classes,
        development=np.flatnonzero(labels < classes)[len(train_labels) :],
    )


# --- a bundle that has learnt to spot three synthesised words ---

KEYWORDS = ("computer", "marvin", "window")
OTHER_WORDS = ("weather", "music", "kitchen", "brown", "teacher", "people")
BESIDE = "beside"
"""Label of windows that miss the middle of a word: without them the tiny encoder takes cut words for keywords."""
ACCENTS = ("en-us", "en", "en-gb-scotland", "en-us-nyc", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
VARIANTS = (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 paul klatt klatt2 klatt3 michel fast sandro Nguyen edward announcer Denis "
    "Diogo Henrique miguel Mario Gene iven"
).split()
SPEAKERS = tuple(
    Voice(variant, ACCENTS[number % len(ACCENTS)], 170 + 5 * (number % 9), 40 + 3 * (number % 7))
    for number, variant in enumerate(VARIANTS)
)
"""Of these tests alone, so that the demo corpus may change its voices."""
SPOKEN_FEATURES = FeaturesConfig()
SPOKEN_ENCODER = EncoderConfig(name="res15", maps=16, stem_pooling=(4, 3), embedding_dim=24)
SPOKEN_SELECTION = SelectionConfig(keywords=KEYWORDS, pairs=600, development_share=0.25)


@dataclass(frozen=True)
class Spoken:
    """A tiny bundle and everything it was made from."""

    bundle: Bundle
    contents: dict[str, bytes]
    description: dict
    encoder: Encoder
    history: list[EpochReport]
    segments: pa.Table
    selection: pa.Table
    pairs: pa.Table
    embeddings: np.ndarray
    fitted: CalibratedBackends


def spoken_segments(voices: tuple[Voice, ...] = SPEAKERS, repeats: int = 1) -> pa.Table:
    """Every voice says every word alone, `repeats` times; of some words there are windows beside them too."""
    rows: list[dict] = []
    for voice in voices:
        plan = [
            PlannedUtterance(voice, word, f"espeak/{voice.speaker_id}/{word}-{take}")
            for word in (*KEYWORDS, *OTHER_WORDS)
            for take in range(repeats)
        ]
        for spoken in synthesise_speaker(plan, seed=3):
            (word,) = spoken.words
            rows.append(
                {
                    "segment_id": spoken.source,
                    "utterance_id": spoken.source,
                    "corpus": "spoken",
                    "speaker_id": voice.speaker_id,
                    "label": spoken.text,
                    "start_s": 0.0,
                    "end_s": len(spoken.pcm) / SAMPLE_RATE_HZ,
                    "word_start_s": word.start_s,
                    "word_end_s": word.end_s,
                    "audio": spoken.pcm.astype("<i2").tobytes(),
                    "score": 0.0,
                    "rms": 0.1,
                    "source": spoken.source,
                    "licence": "CC0-1.0",
                }
            )
            if len(rows) % 2:
                rows.append(beside(rows[-1], len(rows)))
    return pa.Table.from_pylist(rows, schema=SEGMENTS)


def beside(row: dict, number: int) -> dict:
    """The same recording, seen through a window 0.28 to 0.48 s before or after its word."""
    shift_s = (-1) ** (number // 2) * (0.28 + 0.04 * (number % 6))
    moved = {name: row[name] + shift_s for name in ("word_start_s", "word_end_s")}
    return {**row, **moved, "segment_id": f"{row['segment_id']}-{BESIDE}", "label": BESIDE}


def train_spoken(folder: Path) -> Spoken:
    """Synthesise, select, train, calibrate and bundle, as the flow does, in a few seconds."""
    segments = spoken_segments()
    rows = segments.select(INDEX_COLUMNS).to_pylist()
    index = [{**row, "part": 0, "row": place} for place, row in enumerate(rows)]
    selection = select(pa.Table.from_pylist(index, schema=INDEX), SPOKEN_SELECTION, frozenset())
    pairs = draw_pairs(selection, frozenset(), SPOKEN_SELECTION, seed=0)
    features = read_features(featurise_part(segments, SPOKEN_FEATURES).table)[selection["row"].to_numpy()]
    torch.set_num_threads(1)
    spec = TrainingSpec(
        features=SPOKEN_FEATURES,
        encoder=SPOKEN_ENCODER,
        loss=LossConfig(scale=15, margin=0.1, margin_ramp_epochs=4),
        training=TrainingConfig(epochs=14, batch_size=20, learning_rate=5e-3),
        augmentation=AugmentationConfig(max_shift_s=0.08),
    )
    fitted_encoder = fit(training_data(selection, pairs, features, SPOKEN_FEATURES), spec, seed=0)
    encoder, history = fitted_encoder.encoder, fitted_encoder.history
    export_onnx(encoder, SPOKEN_FEATURES, folder / "trained.onnx")
    onnx = (folder / "trained.onnx").read_bytes()
    embeddings = read_embeddings(embed_part(segments, OnnxEncoder(onnx)).table)[selection["row"].to_numpy()]
    fitted = calibrate(selection, embeddings, KEYWORDS, frozenset(), BackendsConfig(), seed=0)
    contents = {
        ENCODER: onnx,
        WEIGHTS: tensor_bytes({name: value.detach().numpy() for name, value in encoder.state_dict().items()}),
        **{BACKEND_FILES[name]: tensor_bytes(backend.arrays()) for name, backend in fitted.backends().items()},
    }
    description = {
        "name": "tiny",
        "keywords": KEYWORDS,
        "keyword_durations_s": fitted.keyword_durations_s,
        "decision": "centroid",
        "thresholds": {name: tuple(values.tolist()) for name, values in fitted.thresholds.items()},
        "operating_point": fitted.operating_point,
        "features": SPOKEN_FEATURES.model_dump(mode="json"),
        "encoder": SPOKEN_ENCODER.model_dump(mode="json"),
        "datasets": {"segments": "0" * 64},
        "licences": ("CC0-1.0",),
        "metrics": {"in_vocabulary.frr_at_far_2": 0.25},
    }
    bundle = write_bundle(folder / "bundle", contents, description)
    return Spoken(bundle, contents, description, encoder, history, segments, selection, pairs, embeddings, fitted)
