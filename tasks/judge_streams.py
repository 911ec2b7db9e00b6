"""Evaluation of a bundle on streams, kept as a document."""

from dataclasses import dataclass

import numpy as np

from kws_core.bundle import Bundle
from kws_core.config import FeaturesConfig
from kws_core.evaluation.streams.build import STAGE as STREAMS
from kws_core.evaluation.streams.embeddings import FACTS, STAGE, VERSION, embed_streams_part, read_stream_embeddings
from kws_core.evaluation.streams.facts import StreamEmbeddings
from kws_core.evaluation.streams.measures import StreamEvaluation, evaluate_streams
from kws_core.evaluation.streams.scores import score_streams
from kws_core.fingerprint import fingerprint
from kws_core.incremental.stream_encoder import StreamEncoder
from kws_core.manifest import Part, part_key
from kws_core.part import PartOutput
from kws_core.report.numbers import count, percent
from kws_core.store import Store
from tasks.checked_object import read_checked
from tasks.console import say
from tasks.embed import KIND as ENCODERS
from tasks.embed import keep_encoder
from tasks.parts import Job, make_dataset

KIND = "stream_evaluation"
MEASURES_VERSION = 1


def judge_streams(store: Store, streams: str, bundle: Bundle, seed: int) -> StreamEvaluation | None:
    """Measure a bundle, by the back end that it decides with, on the streams of this fingerprint, once.

    None where there are no streams, or no keywords to find in them.
    """
    description = bundle.description
    if not streams or not description.keywords:
        return None
    key = fingerprint(KIND, MEASURES_VERSION, bundle.system_fingerprint, streams, seed)
    document = store.read_document(KIND, key)
    if document is not None:
        return StreamEvaluation.from_json(document)
    features = FeaturesConfig.model_validate(description.features)
    embedded = embed_streams(store, streams, bundle.encoder_path.read_bytes(), features)
    if not embedded:
        return None
    scores = score_streams(embedded, bundle.backend(description.decision))
    thresholds = np.array(description.thresholds[description.decision])
    evaluation = evaluate_streams(scores, description.keywords, thresholds, seed)
    store.write_document(KIND, key, evaluation.to_json())
    frr = evaluation.frr
    missed = f"{percent(frr.value, frr.low, frr.high)} of {count(frr.count)} keywords missed"
    say("streams", f"{evaluation.false_alarms.sentence('false alarm')}; {missed}")
    return evaluation


def embed_streams(store: Store, streams: str, encoder: bytes, features: FeaturesConfig) -> list[StreamEmbeddings]:
    """The windows of the streams of this fingerprint, embedded by an ONNX encoder with these features inside."""
    digest, manifest = keep_encoder(store, encoder), store.dataset(STREAMS, streams)
    jobs = [
        Job(part_key(STAGE, VERSION, digest, [part.key]), part.corpus, _Embed(digest, features, part))
        for part in manifest.parts
    ]
    embedded = make_dataset(store, STAGE, VERSION, jobs)
    found: list[StreamEmbeddings] = []
    for part, values in zip(manifest.parts, embedded.parts, strict=True):
        facts = store.read_part(STREAMS, part, FACTS)
        found.extend(read_stream_embeddings(facts, store.read_part(STAGE, values)))
    return found


@dataclass(frozen=True)
class _Embed:
    encoder: str
    features: FeaturesConfig
    part: Part

    def __call__(self, store: Store) -> PartOutput:
        onnx = read_checked(store, ENCODERS, self.encoder, "encoder.onnx", self.encoder)
        encoder = StreamEncoder(onnx, self.features)
        return embed_streams_part(store.read_part(STREAMS, self.part), encoder)
