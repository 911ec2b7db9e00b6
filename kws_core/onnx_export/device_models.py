"""An encoder for devices: as it is, in 8 bits and listening, with what each weighs, costs and loses."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.foreign_encoders import WindowEncoder
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.onnx_export.cost import multiplies
from kws_core.onnx_export.listening import ListeningEncoder
from kws_core.onnx_export.quantised import quantised_model
from kws_core.onnx_export.streaming import streaming_model

WHOLE, INT8, STREAMING = "encoder.onnx", "encoder.int8.onnx", "encoder.streaming.onnx"
NOISE_WINDOWS = 64


@dataclass(frozen=True)
class DeviceModel:
    """One form of an encoder."""

    file: str
    content: bytes
    multiplies: int
    """Of a window; of a hop, where it listens."""
    encoder: WindowEncoder


def device_models(encoder: bytes, features: FeaturesConfig) -> tuple[DeviceModel, ...]:
    """Every form of an `encoder.onnx`, the first of which it is itself.

    Raises:
        BundleError: it is not an encoder that `export_onnx` wrote.
        ConfigError: its frames do not fit the hop of a stream.
    """
    small, listening = quantised_model(encoder, features), streaming_model(encoder, features)
    opened: Mapping[str, tuple[bytes, WindowEncoder]] = {
        WHOLE: (encoder, OnnxEncoder(encoder)),
        INT8: (small, OnnxEncoder(small)),
        STREAMING: (listening, ListeningEncoder(listening, features)),
    }
    return tuple(DeviceModel(file, content, multiplies(content), one) for file, (content, one) in opened.items())


def least_cosine(embeddings: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Between rows `[n, dim]` of length 1 and those that they stand for."""
    return float(np.einsum("nd,nd->n", embeddings.astype(np.float64), reference).min())


def noise_windows() -> NDArray[np.float32]:
    """Windows `[64, 16000]` of noise of many levels and colours that swells and fades; always the same."""
    rng = np.random.default_rng(0)
    white = rng.normal(size=(NOISE_WINDOWS, SAMPLE_RATE_HZ))
    brown = np.cumsum(white, axis=1) / 30
    mix = rng.uniform(size=(NOISE_WINDOWS, 1))
    swell = np.repeat(rng.uniform(size=(NOISE_WINDOWS, 10)), SAMPLE_RATE_HZ // 10, axis=1)
    windows = (mix * white + (1 - mix) * brown) * swell * np.logspace(-3, -0.7, NOISE_WINDOWS)[:, None]
    return windows.astype(np.float32)
