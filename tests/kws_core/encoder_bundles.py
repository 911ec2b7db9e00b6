"""An encoder bundle of an untrained network, whose projection is set so that it tells synthesised words apart."""

from pathlib import Path

import numpy as np
import torch

from kws_core.bundle import COHORT, ENCODER, WEIGHTS, Bundle, tensor_bytes, write_bundle
from kws_core.cohort import Cohort
from kws_core.config import SAMPLE_RATE_HZ, EncoderConfig, FeaturesConfig
from kws_core.corpora.espeak import Synthesizer
from kws_core.encoders import Encoder, build_encoder
from kws_core.features import Frontend, window_waveform
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.onnx_export import export_onnx

FEATURES = FeaturesConfig()
ENCODER_CONFIG = EncoderConfig(name="res15", maps=24, stem_pooling=(4, 3), embedding_dim=24)
COHORT_WORDS = "weather music kitchen teacher people brown orange seven yesterday garden silver mountain".split()
COHORT_VOICES = ("en-us+m1", "en-us+f2", "en-gb-scotland+m3", "en+f4")


def say(text: str, voice: str = "en-us+m1", rate: int = 165, pitch: int = 50) -> np.ndarray:
    """A synthesised recording `[samples]`, float32, full scale 1, with silence around it."""
    spoken = Synthesizer().synthesize(text, voice, rate, pitch).pcm16
    return np.pad((spoken / 32768).astype(np.float32), 4000)


def word_window(text: str, voice: str) -> np.ndarray:
    """The window around a synthesised word, by its true boundaries."""
    spoken = Synthesizer().synthesize(text, voice, 165, 50)
    centre_s = (spoken.words[0].start_s + spoken.words[0].end_s) / 2
    return window_waveform(spoken.pcm16, round(centre_s * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)


def make_encoder_bundle(folder: Path) -> Bundle:
    """Write the bundle to `folder / "bundle"`."""
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER_CONFIG, FEATURES).eval()
    said = [(word, voice) for word in COHORT_WORDS for voice in COHORT_VOICES]
    windows = np.stack([word_window(*each) for each in said])
    _spread(encoder, said)
    export_onnx(encoder, FEATURES, folder / "encoder.onnx")
    onnx = (folder / "encoder.onnx").read_bytes()
    # silence and noise are the background
    noise = np.random.default_rng(0).normal(0, 0.01, (2, SAMPLE_RATE_HZ)).astype(np.float32)
    heard = np.concatenate([windows, noise])
    labels = (*(word for word, _ in said), "<background>", "<background>")
    cohort = Cohort(OnnxEncoder(onnx).embed(heard), labels, len(COHORT_VOICES))
    contents = {
        ENCODER: onnx,
        WEIGHTS: tensor_bytes({name: value.detach().numpy() for name, value in encoder.state_dict().items()}),
        COHORT: tensor_bytes(cohort.arrays()),
    }
    description = {
        "name": "general",
        "keywords": (),
        "keyword_durations_s": (),
        "decision": "centroid",
        "thresholds": {},
        "features": FEATURES.model_dump(mode="json"),
        "encoder": ENCODER_CONFIG.model_dump(mode="json"),
        "datasets": {"segments": "0" * 64},
        "licences": ("CC0-1.0",),
        "metrics": {"in_vocabulary.eer": 0.1},
    }
    return write_bundle(folder / "bundle", contents, description)


def _spread(encoder: Encoder, said: list[tuple[str, str]]) -> None:
    """Set the projection by linear discriminant analysis of the words, heard a little early and late too."""
    windows = np.stack([word_window(*each) for each in said])
    shifted = np.concatenate([np.roll(windows, shift, axis=1) for shift in (-1200, 0, 1200)])
    words = np.tile([word for word, _ in said], 3)
    with torch.no_grad():
        outputs = encoder(Frontend(FEATURES)(torch.from_numpy(shifted))).double().numpy()
        means = {word: outputs[words == word].mean(axis=0) for word in set(words.tolist())}
        within = outputs - np.stack([means[word] for word in words])
        values, vectors = np.linalg.eigh(np.cov(within.T))
        whiten = torch.from_numpy((vectors / np.sqrt(values)).T).float()
        centre = torch.from_numpy(outputs.mean(axis=0)).float()
        encoder.projection.bias.copy_(whiten @ (encoder.projection.bias - centre))
        encoder.projection.weight.copy_(whiten @ encoder.projection.weight)
