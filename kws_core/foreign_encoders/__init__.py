"""Encoders that are not ours, to be judged on the same trials: PCM windows in, normalised embeddings out."""

from kws_core.foreign_encoders.efficientword_net import EfficientWordNet
from kws_core.foreign_encoders.google_speech_embedding import GoogleSpeechEmbedding
from kws_core.foreign_encoders.pcm_model import PcmModel
from kws_core.foreign_encoders.table import PEERS, WindowEncoder, is_foreign, open_foreign_encoder

__all__ = [
    "PEERS",
    "EfficientWordNet",
    "GoogleSpeechEmbedding",
    "PcmModel",
    "WindowEncoder",
    "is_foreign",
    "open_foreign_encoder",
]
