"""A stream finds what the whole recording holds, in whatever pieces it comes, and forgets the rest."""

import threading

import numpy as np
import pytest
import torch
from builders import KEYWORDS, SPOKEN_FEATURES
from hypothesis import given, settings
from hypothesis import strategies as st
from test_onnx_export import trained

from kws_core.audio import pcm16_to_float
from kws_core.config import EncoderConfig, FeaturesConfig
from kws_core.detector import find_peaks, smooth, stream_windows
from kws_core.errors import AudioError, EvaluationError
from kws_core.features import Frontend
from kws_core.features.numpy_frontend import NumpyFrontend
from kws_core.incremental.stream_encoder import HOP_SAMPLES, StreamEncoder
from kws_core.onnx_export import export_onnx
from kws_core.spotter import Spotter
from kws_core.stream_peaks import StreamPeaks

SECOND = 16_000


@pytest.fixture(scope="module")
def pcm(spoken):
    """Words one after the other: 9 s."""
    audio = [np.frombuffer(row["audio"], "<i2") for row in spoken.segments.slice(0, 30).to_pylist()]
    return pcm16_to_float(np.concatenate(audio))[: 9 * SECOND + 77]


@pytest.fixture(scope="module")
def spotter(spoken):
    # short of its thresholds, so that there are many detections
    strict = Spotter(spoken.bundle)
    return strict.at_thresholds(strict.thresholds - 0.1)


@pytest.fixture(scope="module")
def whole(spotter, pcm):
    found = spotter.detect(pcm)
    assert len(found) > 4
    return found


def pieces(pcm, lengths):
    """The recording cut at these lengths, again and again."""
    at, turn = 0, 0
    while at < len(pcm):
        yield pcm[at : at + lengths[turn % len(lengths)]]
        at += lengths[turn % len(lengths)]
        turn += 1


def listen(stream, pcm, lengths):
    found = [each for piece in pieces(pcm, lengths) for each in stream.push(piece)]
    return [*found, *stream.finish()]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(sorted(found, key=lambda each: each.start_s), expected, strict=True):
        assert (one.keyword, one.start_s, one.end_s) == (other.keyword, other.start_s, other.end_s)
        assert one.score == pytest.approx(other.score, abs=1e-5)


@settings(max_examples=8, deadline=None)
@given(lengths=st.lists(st.integers(1, 30_000), min_size=1, max_size=6).filter(lambda them: sum(them) > 2000))
def test_detections_do_not_depend_on_the_pieces(spotter, pcm, whole, lengths):
    assert_same(listen(spotter.stream(), pcm, lengths), sorted(whole, key=lambda each: each.start_s))


def test_scores_are_those_of_whole_windows(spotter, pcm, whole):
    scores = smooth(spotter.scores(stream_windows(pcm)))
    peaks = find_peaks(scores, spotter.thresholds)
    alive = peaks.at(0.0)
    assert [KEYWORDS[place] for place in peaks.keywords[alive]] == [each.keyword for each in whole]
    expected = scores[peaks.windows[alive], peaks.keywords[alive]]
    np.testing.assert_allclose([each.score for each in whole], expected, atol=1e-5)


def test_a_detection_comes_as_soon_as_it_is_final(spotter, pcm, whole):
    stream = spotter.stream()
    for piece in pieces(pcm, [HOP_SAMPLES]):
        for found in stream.push(piece):
            # refractory time and half a window after its last window, and no more than a few windows wide
            assert stream.heard_s - (found.start_s + found.end_s) / 2 < 2.5
    assert len(stream.finish()) < len(whole) / 2


def test_streams_share_a_spotter_between_threads(spotter, pcm, whole):
    results = {}

    def work(name, lengths):
        results[name] = listen(spotter.stream(), pcm, lengths)

    threads = [threading.Thread(target=work, args=(place, [4000 + 777 * place])) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found in results.values():
        assert_same(found, sorted(whole, key=lambda each: each.start_s))
    assert len(results) == 3


scores_of = st.lists(st.lists(st.integers(-6, 6), min_size=2, max_size=2), max_size=50)


@settings(max_examples=80, deadline=None)
@given(rows=scores_of, cuts=st.lists(st.integers(0, 50), max_size=6))
def test_peaks_of_a_stream_are_those_of_all_scores(rows, cuts):
    scores, thresholds = np.array(rows, np.float64).reshape(-1, 2), np.array([0.0, 1.0])
    peaks = find_peaks(smooth(scores), thresholds)
    alive = peaks.at(0.0)
    expected = list(zip(peaks.windows[alive].tolist(), peaks.keywords[alive].tolist(), strict=True))
    stream, found = StreamPeaks(thresholds), []
    for part in np.split(scores, sorted(min(cut, len(scores)) for cut in cuts)):
        found += stream.push(part)
    found += stream.finish()
    assert sorted((peak.window, peak.keyword) for peak in found) == expected


ENCODERS = [
    EncoderConfig(name="bc_resnet_1", embedding_dim=20),
    EncoderConfig(name="res15", maps=4, embedding_dim=12),
    EncoderConfig(name="resnet", widths=(5, 7), embedding_dim=6),
]


@pytest.mark.parametrize(("config", "shares_layers"), list(zip(ENCODERS, (True, True, False), strict=True)))
def test_layers_and_frames_once_give_the_embeddings_of_whole_windows(config, shares_layers, tmp_path):
    features = FeaturesConfig()
    export_onnx(trained(config, features), features, tmp_path / "encoder.onnx")
    encoder = StreamEncoder(tmp_path / "encoder.onnx", features)
    assert encoder.windows is not None
    assert (encoder.windows.first_layers is not None) == shares_layers
    rng = np.random.default_rng(2)
    pcm = (rng.normal(0, 0.1, 40_000) * np.repeat(rng.uniform(0, 1, 8), 5000) + 0.01).astype(np.float32)
    expected = encoder.whole.embed(stream_windows(pcm))
    assert np.abs(expected - expected[:1]).max() > 0.05
    np.testing.assert_allclose(encoder.embed(pcm), expected, atol=1e-5)
    stream = encoder.stream()
    found = [stream.push(piece) for piece in pieces(pcm, [3001, 1280, 10])]
    np.testing.assert_allclose(np.concatenate([*found, stream.finish()]), expected, atol=1e-5)


@pytest.mark.parametrize("features", [FeaturesConfig(), FeaturesConfig(kind="log_mel", window_s=0.03, low_hz=100)])
def test_features_in_numpy_are_those_in_torch(features):
    rng = np.random.default_rng(0)
    pcm = (rng.normal(0, 0.1, 20_000) + 0.02 + np.sin(np.arange(20_000) / 9)).astype(np.float32) / 2
    expected = Frontend(features)(torch.from_numpy(pcm)[None])[0].numpy()
    np.testing.assert_allclose(NumpyFrontend(features)(pcm), expected, atol=2e-3)
    silence = Frontend(features)(torch.zeros(1, 4000))[0].numpy()
    np.testing.assert_allclose(NumpyFrontend(features)(np.zeros(4000, np.float32)), silence, atol=1e-4)


def test_what_a_stream_holds_does_not_grow(tmp_path):
    """An hour: the state is that of a window at the end of every ten seconds, for the cheapest of encoders."""
    features = FeaturesConfig(kind="log_mel", mel_bins=8, coefficients=8)
    config = EncoderConfig(name="resnet", widths=(1,), embedding_dim=2)
    export_onnx(trained(config, features), features, tmp_path / "encoder.onnx")
    stream, piece = StreamEncoder(tmp_path / "encoder.onnx", features).stream(), np.zeros(10 * SECOND, np.float32)
    sizes = set()
    for _ in range(360):
        stream.push(piece)
        sizes.add(stream.state_bytes)
    assert stream.samples == 3600 * SECOND
    assert len(sizes) == 1
    assert max(sizes) < 2 * 4 * SECOND


def test_an_encoder_whose_features_are_others_is_heard_window_after_window(spoken, pcm):
    content = spoken.bundle.encoder_path.read_bytes()
    other = StreamEncoder(content, SPOKEN_FEATURES.model_copy(update={"low_hz": 300.0}))
    assert not other.shares_features
    right = StreamEncoder(content, SPOKEN_FEATURES)
    assert right.shares_features
    short = pcm[: 2 * SECOND]
    np.testing.assert_allclose(other.embed(short), right.embed(short), atol=1e-5)


def test_samples_that_cannot_be_heard_are_refused(spotter):
    stream = spotter.stream()
    with pytest.raises(ValueError, match=r"floating point numbers \[samples\], not int16"):
        stream.push(np.zeros(9, np.int16))
    with pytest.raises(ValueError, match=r"not float32 \[2, 9\]"):
        stream.push(np.zeros((2, 9), np.float32))
    with pytest.raises(AudioError, match="not numbers"):
        stream.push(np.array([0, np.nan], np.float32))
    assert stream.finish() == []  # nothing was heard
    with pytest.raises(ValueError, match="finished"):
        stream.push(np.zeros(9, np.float32))
    with pytest.raises(EvaluationError, match="3 finite thresholds"):
        spotter.at_thresholds(np.zeros(2))


def test_one_recording_window_is_classified_like_a_batch(spotter, pcm):
    window = pcm[:SECOND]
    assert spotter.classify(window) == spotter.classify(window[None])
