"""Training in bfloat16 where autocast allows it, with statistics in float32."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from kws_core.config import EncoderConfig, FeaturesConfig
from kws_core.encoders import build_encoder
from kws_core.encoders.normalisation import SubSpectralNorm

NAMES = ["bc_resnet_1", "bc_resnet_3", "res15", "ma_resnet", "resnet", "crnn"]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads only wait for each other where tests share the cores
    yield
    torch.set_num_threads(threads)


def autocast(enabled=True):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


@pytest.mark.parametrize("name", NAMES)
def test_trains_with_finite_gradients_and_float32_statistics(name):
    torch.manual_seed(0)
    encoder = build_encoder(EncoderConfig(name=name, stem_pooling=(4, 3), embedding_dim=16), FeaturesConfig()).train()
    features, target = torch.randn(8, 99, 40) * 3 + 1, torch.randn(8, 16)
    optimiser = torch.optim.Adam(encoder.parameters(), 3e-3)
    losses = []
    for _ in range(6):
        optimiser.zero_grad()
        with autocast():
            embeddings = encoder(features)
        loss = (embeddings.float() - target).square().mean()
        loss.backward()
        for weight in encoder.parameters():
            assert weight.grad is not None
            assert weight.grad.dtype == torch.float32
            assert weight.grad.isfinite().all()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    floating = [buffer for buffer in encoder.buffers() if buffer.is_floating_point()]
    assert floating
    assert all(buffer.dtype == torch.float32 and buffer.isfinite().all() for buffer in floating)
    encoder.eval()
    with torch.inference_mode():
        plain = encoder(features)
        with autocast():
            rough = encoder(features)
    assert plain.dtype == torch.float32
    assert functional.cosine_similarity(plain, rough.float()).min() > 0.99


@pytest.mark.parametrize("name", ["res15", "ma_resnet", "resnet", "crnn"])
def test_gradients_are_close_to_those_of_float32(name):
    torch.manual_seed(0)
    encoder = build_encoder(EncoderConfig(name=name, embedding_dim=16), FeaturesConfig(frames=40)).train()
    features, target = torch.randn(6, 40, 40), torch.randn(6, 16)
    gradients = []
    for enabled in (False, True):
        encoder.zero_grad()
        with autocast(enabled):
            embeddings = encoder(features)
        (embeddings.float() - target).square().sum().backward()
        gradients.append([weight.grad.flatten() for weight in encoder.parameters()])
    for (key, _), exact, rough in zip(encoder.named_parameters(), *gradients, strict=True):
        assert functional.cosine_similarity(exact, rough, dim=0) > 0.9, key


def test_sub_spectral_norm_computes_half_precision_maps_in_float32():
    torch.manual_seed(0)
    norms = [SubSpectralNorm(3, 5, 2) for _ in range(2)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5, generator=torch.Generator().manual_seed(1))
    maps = (torch.randn(4, 3, 10, 7) * 2 + 30).bfloat16()  # a mean that bfloat16 sums would lose
    half, single = maps.clone().requires_grad_(), maps.float().requires_grad_()
    found, expected = norms[0](half), norms[1](single)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.bfloat16())
    direction = torch.randn_like(maps)
    (found * direction).sum().backward()
    (expected * direction.float()).sum().backward()
    assert torch.equal(half.grad, single.grad.bfloat16())
    assert torch.equal(norms[0].weight.grad, norms[1].weight.grad)
    for name in ("running_mean", "running_var"):
        statistics = getattr(norms[0], name)
        assert statistics.dtype == torch.float32
        assert torch.equal(statistics, getattr(norms[1], name))
    assert torch.equal(norms[0].eval()(maps), norms[1].eval()(maps.float()).bfloat16())
