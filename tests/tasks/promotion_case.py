"""Three tones as words, an untrained encoder that tells them apart, and bundles that differ in their thresholds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from in_this_process import without_ray

from kws_core.bundle import CENTROIDS, DESCRIPTION, ENCODER, WEIGHTS, Bundle, tensor_bytes, write_bundle
from kws_core.calibration import calibrate
from kws_core.config import EncoderConfig, Experiment, FeaturesConfig
from kws_core.encoders import build_encoder
from kws_core.manifest import Manifest, part_key
from kws_core.onnx_export import export_onnx
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS
from kws_core.segments import STAGE
from kws_core.store import Store
from tasks.judge import Trials
from tasks.package import KIND
from tasks.places import Places
from tasks.promote import promote
from tasks.register import register
from tasks.select import select
from tasks.training_input import TrainingInput

NAME = "tones"
WORDS = {"low": 400.0, "middle": 1100.0, "high": 2600.0, "hum": 200.0, "hiss": 5000.0, "ring": 1700.0}
KEYWORDS = ("low", "middle", "high")
SPEAKERS = 30
ENCODER_CONFIG = EncoderConfig(name="res15", maps=6, stem_pooling=(6, 5), embedding_dim=12)


def experiment(**gate: Any) -> Experiment:
    """Keywords among tones; `gate` extends its section."""
    loose = {"max_frr": 1.0, "min_target_accuracy": 0.1, "min_non_target_accuracy": 0.1, "replicates": 100}
    return Experiment.model_validate(
        {
            "name": NAME,
            "corpora": {"words": {"recipe": "manifest", "path": "words.tsv"}},
            "selection": {
                "keywords": list(KEYWORDS),
                "development_share": 0.25,
                "test_share": 0.35,
                "out_of_vocabulary_share": 0.2,
                "min_train_segments": 1,
                "pairs": 400,
            },
            "alignment_gate": {"enabled": False},
            "evaluation": {"replicates": 20, "few_shot": {"shots": [1], "episodes": 2}},
            "backends": {"svm_c": [1.0], "svm_gamma": [1.0], "far": 0.05},
            "gate": loose | gate,
        }
    )


@dataclass
class Case:
    """Data and an encoder in a store, from which bundles are made."""

    places: Places
    segments: str
    given: TrainingInput
    contents: dict[str, bytes]
    description: dict[str, Any]

    def bundle(self, folder: Path, deaf_to: str = "", **changes: Any) -> Bundle:
        """A bundle; with `deaf_to` it never accepts this keyword."""
        thresholds = [2.0 if word == deaf_to else value for word, value in zip(KEYWORDS, self.thresholds, strict=True)]
        description = {**self.description, "thresholds": {"centroid": tuple(thresholds)}, **changes}
        return write_bundle(folder, self.contents, description)

    @property
    def thresholds(self) -> tuple[float, ...]:
        return self.description["thresholds"]["centroid"]

    def keep(self, bundle: Bundle, places: Places | None = None) -> str:
        """Write a bundle to the store, as the packaging does; returns its key."""
        key = bundle.fingerprint
        for name in (*bundle.description.files, DESCRIPTION):
            (places or self.places).store().write_object(KIND, key, name, (bundle.folder / name).read_bytes())
        return key

    def register(self, bundle: Bundle, places: Places | None = None) -> str:
        """Register a bundle; returns its version."""
        return register.fn(places or self.places, experiment(), "s" * 64, self.keep(bundle, places))

    def promote(self, bundle: Bundle, version: str, places: Places | None = None, **gate: Any) -> Any:
        """The stage `promote`."""
        settings = experiment(**gate)
        return promote.fn(places or self.places, settings, self.segments, self.given, bundle.fingerprint, version)


def make_case(places: Places, patch: Any, folder: Path) -> Case:
    """Write segments, selection and trials, and calibrate the encoder on them; Ray is not needed."""
    without_ray(patch)
    store, settings = places.store(), experiment()
    segments = _write_segments(store)
    selection, pairs = select.fn(places, settings, segments)
    given = TrainingInput(features="none", selection=selection, pairs=pairs)
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER_CONFIG, FeaturesConfig()).eval()
    export_onnx(encoder, FeaturesConfig(), folder / "encoder.onnx")
    onnx = (folder / "encoder.onnx").read_bytes()
    trials = Trials(store, segments, selection, pairs)
    table = trials.selection_table()
    fitted = calibrate(table, trials.embeddings(table, onnx), KEYWORDS, frozenset(), settings.backends, seed=0)
    weights = {name: value.detach().numpy() for name, value in encoder.state_dict().items()}
    contents = {ENCODER: onnx, WEIGHTS: tensor_bytes(weights)}
    contents[CENTROIDS] = tensor_bytes(fitted.backends()["centroid"].arrays())
    description = {
        "name": NAME,
        "keywords": KEYWORDS,
        "keyword_durations_s": fitted.keyword_durations_s,
        "decision": "centroid",
        "thresholds": {"centroid": tuple(fitted.thresholds["centroid"].tolist())},
        "operating_point": fitted.operating_point,
        "features": FeaturesConfig().model_dump(mode="json"),
        "encoder": ENCODER_CONFIG.model_dump(mode="json"),
        "datasets": {"segments": segments, "selection": selection, "pairs": pairs},
        "licences": ("CC0-1.0",),
        "metrics": {"in_vocabulary.frr_at_far_2": 0.25, "centroid.target_accuracy": 0.75},
    }
    return Case(places, segments, given, contents, description)


def _write_segments(store: Store) -> str:
    rng, time_s = np.random.default_rng(0), np.arange(16_000) / 16_000
    swell = np.exp(-0.5 * ((time_s - 0.5) / 0.1) ** 2)
    rows = []
    for speaker in (f"s{number}" for number in range(SPEAKERS)):
        pitch = 1 + 0.03 * rng.normal()
        for word, tone_hz in WORDS.items():
            for take in range(2):
                sound = 0.2 * swell * np.sin(2 * np.pi * tone_hz * pitch * time_s) + 0.02 * rng.normal(size=16_000)
                ids = {"segment_id": f"{speaker}-{word}-{take}", "utterance_id": speaker, "corpus": "words"}
                who = {"speaker_id": speaker, "split": "", "label": word, "source": "x.wav", "licence": "CC0-1.0"}
                times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.3, "word_end_s": 0.7}
                rows.append({**ids, **who, **times, "audio": (sound * 32767).astype("<i2").tobytes(), "rms": 0.05})
    table = pa.Table.from_pylist(rows, schema=SEGMENTS)
    part = store.write_part(
        STAGE, part_key(STAGE, 1, ["tones"], []), "words", PartOutput(table, Quarantine(STAGE).table())
    )
    manifest = Manifest(STAGE, 1, (part,))
    store.write_manifest(manifest)
    return manifest.fingerprint
