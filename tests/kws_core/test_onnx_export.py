"""The exported file against torch."""

import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper

from kws_core.config import EncoderConfig, FeaturesConfig
from kws_core.encoders import build_encoder
from kws_core.errors import ConfigError
from kws_core.features import Frontend
from kws_core.onnx_export import export_onnx

ENCODERS = [EncoderConfig(name=f"bc_resnet_{tau}", embedding_dim=20) for tau in (1, 2, 3, 6, 8)] + [
    EncoderConfig(name="res15", embedding_dim=20),
    EncoderConfig(name="res15", maps=19, stem_pooling=(4, 3)),
    EncoderConfig(name="ma_resnet", embedding_dim=45),
    EncoderConfig(name="resnet"),
    EncoderConfig(name="resnet", widths=(5, 7), embedding_dim=3),
    EncoderConfig(name="resnet", widths=(4, 6, 5), pooling="none", embedding_dim=3),
    EncoderConfig(name="crnn"),
    EncoderConfig(name="crnn", widths=(5,), hidden=3, embedding_dim=4),
]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads only wait for each other where tests share the cores
    yield
    torch.set_num_threads(threads)


def pcm(rows):
    """Noise of many levels and colours, with a DC offset in some rows."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((rows, 16000))
    smooth = np.cumsum(noise, axis=1) / 30
    mixed = np.where(np.arange(rows)[:, None] % 2, noise, smooth) * np.logspace(-3, -0.5, rows)[:, None]
    return (mixed + 0.05 * (np.arange(rows)[:, None] % 3)).astype(np.float32)


def trained(config, features):
    """An encoder with the statistics of real batches, so that its rows differ, and with norms off their defaults."""
    torch.manual_seed(0)
    encoder = build_encoder(config, features).train()
    for module in encoder.modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
        encoder(Frontend(features)(torch.from_numpy(pcm(6))))
    return encoder


def run(path, waveform):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(["embeddings"], {"pcm": waveform})[0]


def embed(encoder, features, waveform):
    with torch.no_grad():
        embeddings = encoder(Frontend(features)(torch.from_numpy(waveform)))
    return torch.nn.functional.normalize(embeddings, dim=1).numpy()


@pytest.mark.parametrize("config", ENCODERS, ids=lambda config: f"{config.name}-{config.maps}-{len(config.widths)}")
def test_equals_torch(config, tmp_path, capfd):
    features = FeaturesConfig()
    encoder = trained(config, features)
    assert encoder.training
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        export_onnx(encoder, features, tmp_path / "encoder.onnx")
    assert not caught
    assert capfd.readouterr() == ("", "")
    assert encoder.training
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.onnx"]
    encoder.eval()
    for rows in (1, 7):
        waveform = pcm(rows)
        found = run(tmp_path / "encoder.onnx", waveform)
        assert found.shape == (rows, config.embedding_dim)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, embed(encoder, features, waveform), atol=1e-4, rtol=0)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-2


@pytest.mark.parametrize(
    "features",
    [
        FeaturesConfig(kind="log_mel"),
        FeaturesConfig(window_s=0.03, frames=98),
        FeaturesConfig(window_s=0.025, frames=98, mel_bins=30, coefficients=20, low_hz=60, high_hz=7600),
        FeaturesConfig(window_s=0.0250625, frames=98),
        FeaturesConfig(window_s=0.02, hop_s=0.0125, frames=79),
    ],
    ids=["log_mel", "30ms", "25ms", "401 samples", "12.5ms hop"],
)
def test_other_features_go_along(features, tmp_path):
    config = EncoderConfig(name="res15", maps=7, stem_pooling=(4, 3), embedding_dim=8)
    encoder = trained(config, features)
    export_onnx(encoder, features, tmp_path / "encoder.onnx")
    expected = embed(encoder.eval(), features, pcm(5))
    np.testing.assert_allclose(run(tmp_path / "encoder.onnx", pcm(5)), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["bc_resnet_1", "bc_resnet_3", "res15", "resnet", "crnn"])
def test_float16_weights_halve_the_file_and_keep_the_embeddings(name, tmp_path):
    features, waveform = FeaturesConfig(), pcm(7)
    encoder = trained(EncoderConfig(name=name, stem_pooling=(4, 3)), features)
    for weights in ("float32", "float16"):
        export_onnx(encoder, features, tmp_path / f"{weights}.onnx", weights=weights)
    found = run(tmp_path / "float16.onnx", waveform)
    exact = run(tmp_path / "float32.onnx", waveform)
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() > 0
    assert (found * exact).sum(axis=1).min() > 0.9999
    constants = onnx.load(tmp_path / "float16.onnx").graph.initializer
    halves = [numpy_helper.to_array(value).size for value in constants if value.data_type == TensorProto.FLOAT16]
    layers = [part for part in encoder.modules() if isinstance(part, torch.nn.Conv2d | torch.nn.Linear | torch.nn.GRU)]
    assert sum(halves) == sum(weight.numel() for layer in layers for weight in layer.parameters())
    saved = (tmp_path / "float32.onnx").stat().st_size - (tmp_path / "float16.onnx").stat().st_size
    cast_bytes = 80
    assert 2 * sum(halves) - cast_bytes * len(halves) < saved <= 2 * sum(halves)


def test_weights_that_float16_cannot_hold_are_refused(tmp_path):
    encoder = trained(EncoderConfig(name="resnet", widths=(4,)), FeaturesConfig())
    path = tmp_path / "encoder.onnx"
    with pytest.raises(ConfigError, match="weights = 'int8' must be 'float32' or 'float16'"):
        export_onnx(encoder, FeaturesConfig(), path, weights="int8")
    for large in (70_000.0, float("nan")):
        with torch.no_grad():
            encoder.projection.weight[0, 0] = large
        with pytest.raises(ConfigError, match=r"weights = 'float16' holds numbers up to 65504, but .* (70000|nan)"):
            export_onnx(encoder, FeaturesConfig(), path, weights="float16")
    assert not list(tmp_path.iterdir())


def test_the_features_weigh_little(tmp_path):
    """Their matrices would be 0.37 MB: those of the Fourier transform alone have 2 x 159 x 256 numbers."""
    encoder = trained(EncoderConfig(name="resnet"), FeaturesConfig())
    export_onnx(encoder, FeaturesConfig(), tmp_path / "encoder.onnx")
    learnt = 4 * sum(value.numel() for value in encoder.state_dict().values())
    assert 0 < (tmp_path / "encoder.onnx").stat().st_size - learnt < 40_000
    export_onnx(encoder, FeaturesConfig(), tmp_path / "half.onnx", weights="float16")
    assert (tmp_path / "half.onnx").stat().st_size < 900_000


@pytest.mark.parametrize("name", ["bc_resnet_1", "resnet", "crnn"])
def test_silence_gives_a_finite_embedding(name, tmp_path):
    features = FeaturesConfig()
    encoder = trained(EncoderConfig(name=name), features)
    export_onnx(encoder, features, tmp_path / "encoder.onnx")
    silence = np.zeros((2, 16000), np.float32)
    found = run(tmp_path / "encoder.onnx", silence)
    np.testing.assert_allclose(found, embed(encoder.eval(), features, silence), atol=1e-4)


@pytest.mark.parametrize("weights", ["float32", "float16"])
@pytest.mark.parametrize("name", ["bc_resnet_1", "resnet", "crnn"])
def test_equal_weights_give_equal_bytes_without_paths(name, weights, tmp_path):
    features = FeaturesConfig()
    for file in ("a.onnx", "b.onnx"):
        export_onnx(trained(EncoderConfig(name=name), features), features, tmp_path / file, weights=weights)
    content = (tmp_path / "a.onnx").read_bytes()
    assert content == (tmp_path / "b.onnx").read_bytes()
    assert str(tmp_path).encode() not in content
    assert b".py" not in content
    model = onnx.load(tmp_path / "a.onnx", load_external_data=False)
    assert not any(constant.external_data for constant in model.graph.initializer)
    assert [(value.name, value.type.tensor_type.shape.dim[0].dim_param) for value in model.graph.input] == [
        ("pcm", "batch")
    ]
