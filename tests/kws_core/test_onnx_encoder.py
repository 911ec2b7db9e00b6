"""Running `encoder.onnx`: batches, shapes, and files that are none."""

import numpy as np
import pytest

from kws_core.errors import BundleError
from kws_core.onnx_encoder import BATCH, OnnxEncoder


@pytest.fixture
def encoder(spoken):
    return OnnxEncoder(spoken.bundle.encoder_path)


def noise(rows):
    return (0.1 * np.random.default_rng(0).standard_normal((rows, 16000))).astype(np.float32)


@pytest.mark.parametrize("rows", [1, BATCH, BATCH + 1])
def test_long_batches_are_taken_in_turns(encoder, rows):
    windows = noise(rows)
    found = encoder.embed(windows)
    assert found.shape == (rows, 24)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    for row in {0, rows - 1}:
        np.testing.assert_allclose(encoder.embed(windows[row : row + 1])[0], found[row], atol=1e-5)


def test_no_windows_have_embeddings_of_the_right_width(encoder):
    found = encoder.embed(np.empty((0, 16000), np.float32))
    assert found.shape == (0, 24)
    assert found.dtype == np.float32


def test_windows_of_another_type_and_layout_are_converted(encoder):
    windows = noise(3)
    expected = encoder.embed(windows)
    np.testing.assert_array_equal(encoder.embed(np.asfortranarray(windows)), expected)
    np.testing.assert_array_equal(encoder.embed(windows.astype(np.float64)), expected)


@pytest.mark.parametrize("shape", [(16000,), (1, 15999), (1, 1, 16000)])
def test_windows_of_another_shape_are_refused(encoder, shape):
    with pytest.raises(ValueError, match=r"windows must be \[batch, 16000\]"):
        encoder.embed(np.zeros(shape, np.float32))


def test_bytes_and_path_are_the_same_model(spoken, encoder):
    windows = noise(2)
    from_bytes = OnnxEncoder(spoken.bundle.encoder_path.read_bytes(), threads=2)
    np.testing.assert_allclose(from_bytes.embed(windows), encoder.embed(windows), atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_what_is_no_model_is_named(tmp_path, content, capfd):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    for model, name in ((path, str(path)), (content, "encoder.onnx"), (tmp_path / "missing.onnx", "missing.onnx")):
        with pytest.raises(BundleError, match="not an ONNX model that can be run") as raised:
            OnnxEncoder(model)
        assert name in str(raised.value)
        assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""
