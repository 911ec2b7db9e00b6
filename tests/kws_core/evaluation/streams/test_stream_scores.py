"""Streams are scored as the spotter scores: the same embeddings, the same scores, the same detections."""

import numpy as np
import pytest
from builders import SPOKEN_FEATURES

from kws_core.audio import float_to_pcm16, pcm16_to_float
from kws_core.config import FeaturesConfig
from kws_core.detector import centre_s, find_peaks, stream_windows
from kws_core.evaluation.streams.embeddings import embed_streams_part, read_stream_embeddings
from kws_core.evaluation.streams.facts import StreamFacts
from kws_core.evaluation.streams.scores import embed_stream, score_streams
from kws_core.evaluation.streams.stream import EvaluationStream
from kws_core.incremental.stream_encoder import StreamEncoder
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.spotter import Spotter
from kws_core.universal import universal_bundle_path


@pytest.fixture(scope="module")
def pcm(spoken):
    """Words one after the other: 12 s."""
    audio = [np.frombuffer(row["audio"], "<i2") for row in spoken.segments.slice(0, 40).to_pylist()]
    return np.concatenate(audio)[: 12 * 16000 + 77]


@pytest.fixture(scope="module")
def encoder(spoken):
    return StreamEncoder(spoken.bundle.encoder_path.read_bytes(), SPOKEN_FEATURES)


def stream(pcm, name="s"):
    return EvaluationStream(StreamFacts(name, "speech", len(pcm) / 16000, (), ()), pcm)


def test_features_once_a_frame_give_the_embeddings_of_whole_windows(spoken, encoder, pcm):
    assert encoder.shares_features
    whole = OnnxEncoder(spoken.bundle.encoder_path).embed(stream_windows(pcm16_to_float(pcm)))
    np.testing.assert_allclose(encoder.embed(pcm16_to_float(pcm)), whole, atol=1e-5)


def test_the_universal_encoder_too():
    features = FeaturesConfig(kind="log_mel")
    path = universal_bundle_path() / "encoder.onnx"
    pcm = np.random.default_rng(0).normal(0, 0.1, 30_000).astype(np.float32)
    encoder = StreamEncoder(path.read_bytes(), features)
    assert encoder.shares_features
    np.testing.assert_allclose(encoder.embed(pcm), OnnxEncoder(path).embed(stream_windows(pcm)), atol=1e-4)


def test_another_hop_takes_window_after_window(spoken, pcm):
    # 12.5 ms do not divide the hop of the windows; the features inside the encoder stay as they are
    other = StreamEncoder(spoken.bundle.encoder_path.read_bytes(), FeaturesConfig(hop_s=0.0125, frames=79))
    assert not other.shares_features
    short = pcm16_to_float(pcm[:30_000])
    whole = OnnxEncoder(spoken.bundle.encoder_path).embed(stream_windows(short))
    np.testing.assert_array_equal(other.embed(short), whole)
    assert other.embed(np.zeros(0, np.float32)).shape == (0, whole.shape[1])


def test_detections_are_those_of_the_spotter(spoken, encoder, pcm):
    spotter = Spotter(spoken.bundle)
    expected = spotter.detect(pcm16_to_float(pcm))
    assert len(expected) > 3
    backend = spoken.bundle.backend("centroid")
    (scored,) = score_streams([embed_stream(stream(pcm), encoder)], backend)
    peaks = find_peaks(scored.scores, np.array(spoken.bundle.description.thresholds["centroid"]))
    windows, places = peaks.windows[peaks.at(0.0)], peaks.keywords[peaks.at(0.0)]
    keywords = [spoken.bundle.description.keywords[place] for place in places.tolist()]
    assert keywords == [event.keyword for event in expected]
    middles = [(event.start_s + event.end_s) / 2 for event in expected]
    np.testing.assert_allclose(centre_s(windows)[1:-1], middles[1:-1], atol=2e-3)
    scores = [scored.scores[window, place] for window, place in zip(windows, places, strict=True)]
    np.testing.assert_allclose(scores, [event.score for event in expected], atol=1e-4)


def test_the_dataset_of_embeddings_gives_back_every_stream(encoder, pcm):
    import pyarrow as pa

    streams = [stream(pcm[:40_000], "one"), stream(pcm[40_000:60_000], "two"), stream(float_to_pcm16(np.zeros(9)), "3")]
    table = pa.concat_tables([one.table() for one in streams])
    read = read_stream_embeddings(table.drop(["audio"]), embed_streams_part(table, encoder).table)
    assert [one.facts for one in read] == [one.facts for one in streams]
    for given, found in zip(streams, read, strict=True):
        np.testing.assert_array_equal(found.embeddings, embed_stream(given, encoder).embeddings)
