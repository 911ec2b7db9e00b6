"""Segments to the dataset `embeddings`, by the encoder of the challenger or of the champion."""

from dataclasses import dataclass
from functools import lru_cache

from kws_core import embeddings as embeddings_stage
from kws_core import segments as segments_stage
from kws_core.fingerprint import sha256
from kws_core.manifest import Manifest, Part, part_key
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.part import PartOutput
from kws_core.store import Store
from tasks.checked_object import read_checked
from tasks.parts import Job, make_dataset

KIND = "onnx"


def embed(store: Store, segments: Manifest, encoder: bytes) -> Manifest:
    """Embed every segment with an ONNX encoder, given as its bytes; returns the dataset."""
    digest = keep_encoder(store, encoder)
    jobs = []
    for part in segments.parts:
        key = part_key(embeddings_stage.STAGE, embeddings_stage.VERSION, digest, [part.key])
        jobs.append(Job(key, part.corpus, _Embed(digest, part)))
    return make_dataset(store, embeddings_stage.STAGE, embeddings_stage.VERSION, jobs)


def keep_encoder(store: Store, encoder: bytes) -> str:
    """Put an ONNX encoder where workers find it; returns its digest."""
    digest = sha256(encoder)
    if not store.has_object(KIND, digest, "encoder.onnx"):
        store.write_object(KIND, digest, "encoder.onnx", encoder)
    return digest


@lru_cache(maxsize=2)
def _loaded_encoder(store_url: str, digest: str) -> OnnxEncoder:
    return OnnxEncoder(read_checked(Store(store_url), KIND, digest, "encoder.onnx", digest))


@dataclass(frozen=True)
class _Embed:
    encoder: str
    part: Part

    def __call__(self, store: Store) -> PartOutput:
        encoder = _loaded_encoder(store.url, self.encoder)
        return embeddings_stage.embed_part(store.read_part(segments_stage.STAGE, self.part), encoder)
