"""The encoders: published sizes, shapes and independence of the batch."""

import pytest
import torch
from torch import nn

from kws_core.config import EncoderConfig, FeaturesConfig
from kws_core.encoders import build_encoder
from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.errors import ConfigError

FEATURES = FeaturesConfig()
NAMES = [
    "bc_resnet_1",
    "bc_resnet_2",
    "bc_resnet_3",
    "bc_resnet_6",
    "bc_resnet_8",
    "res15",
    "ma_resnet",
    "resnet",
    "crnn",
]
ONE_OF_EACH_KIND = ["bc_resnet_1", "res15", "ma_resnet", "resnet", "crnn"]


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads only wait for each other where tests share the cores
    yield
    torch.set_num_threads(threads)


def build(seed=0, **config):
    torch.manual_seed(seed)
    return build_encoder(EncoderConfig(**config), FEATURES)


def use_statistics_of(encoder, features):
    """Evaluate with the statistics of one batch, so that rows differ as they do after training."""
    for module in encoder.modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0
    encoder.train()
    with torch.no_grad():
        encoder(features)
    encoder.eval()


# Kim et al. 2021; Tang and Lin 2018.
@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("res15", 238_000),
        ("bc_resnet_1", 9_200),
        ("bc_resnet_2", 27_300),
        ("bc_resnet_3", 54_200),
        ("bc_resnet_6", 188_000),
        ("bc_resnet_8", 321_000),
    ],
)
def test_has_the_published_number_of_weights(name, published):
    trunk = build(name=name).trunk
    weights = sum(weight.numel() for weight in trunk.parameters()) + 12 * trunk.channels + 12
    assert weights == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_the_same_in_any_batch(name):
    encoder = build(name=name, embedding_dim=24, stem_pooling=(4, 3))
    features = torch.randn(5, 99, 40) * 3 + 1
    use_statistics_of(encoder, features)
    with torch.inference_mode():
        together = encoder(features)
        assert together.shape == (5, 24)
        for row in range(5):
            torch.testing.assert_close(encoder(features[row : row + 1])[0], together[row], atol=1e-5, rtol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_every_weight_gets_a_finite_gradient_and_training_lowers_the_loss(name):
    encoder = build(name=name, maps=16, stem_pooling=(4, 3), embedding_dim=8)
    optimiser = torch.optim.Adam(encoder.parameters(), 1e-2)
    features, target = torch.randn(8, 99, 40), torch.randn(8, 8)
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = (encoder(features) - target).square().mean()
        loss.backward()
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in encoder.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_same_seed_same_weights_and_they_survive_a_state_dict(name):
    one, other = build(name=name), build(name=name)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    one.train()
    one(torch.randn(4, 99, 40))
    other.load_state_dict(one.state_dict())
    features = torch.randn(2, 99, 40)
    assert torch.equal(one.eval()(features), other.eval()(features))


def test_coefficients_are_normalised_first():
    encoder = build(name="bc_resnet_1").train()
    features = torch.randn(6, 99, 40)
    torch.manual_seed(1)
    plain = encoder(features)
    torch.manual_seed(1)
    scaled = encoder(features * torch.linspace(0.5, 50, 40) + torch.linspace(-40, 40, 40))
    torch.testing.assert_close(plain, scaled, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize(("name", "layers"), [("res15", 13), ("ma_resnet", 12)])
def test_res15_and_its_shorter_form_match_a_plain_reading_of_the_papers(name, layers):
    encoder = build(name=name, maps=5, stem_pooling=(2, 2))
    trunk = encoder.trunk.eval()
    maps = torch.randn(2, 1, 99, 40)
    value = torch.nn.functional.avg_pool2d(torch.relu(torch.conv2d(maps, trunk.stem.weight, padding=1)), 2)
    residual = value
    assert len(trunk.convolutions) == layers
    for layer in range(1, layers + 1):
        dilation = [1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 16][layer - 1]
        weight = trunk.convolutions[layer - 1].weight
        value = torch.relu(torch.conv2d(value, weight, padding=dilation, dilation=dilation))
        if layer % 2 == 0:
            value = value + residual
            residual = value
        value = value / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(trunk(maps), value.mean((2, 3)), atol=1e-5, rtol=1e-4)


def test_ma_resnet_is_six_residual_blocks_between_a_stem_and_45_features():
    trunk, res15 = (build(name=name).trunk for name in ("ma_resnet", "res15"))
    assert trunk.channels == 45
    count = sum(weight.numel() for weight in trunk.parameters())
    assert count == 9 * 45 + 6 * 2 * 9 * 45 * 45
    assert count == sum(weight.numel() for weight in res15.parameters()) - 9 * 45 * 45


def normalise(maps, norm):
    """Batch normalisation in evaluation mode, channel by channel."""
    rows = [
        (maps[:, c] - norm.running_mean[c]) / (norm.running_var[c] + norm.eps) ** 0.5 * norm.weight[c] + norm.bias[c]
        for c in range(maps.shape[1])
    ]
    return torch.stack(rows, dim=1)


def test_resnet_matches_a_plain_reading():
    encoder = build(name="resnet", widths=(4, 6, 5))
    use_statistics_of(encoder, torch.randn(6, 99, 40) * 3 + 1)
    trunk = encoder.trunk
    maps = torch.randn(2, 1, 99, 40)
    value = torch.conv2d(maps, trunk.stem[0].weight, stride=(2, 1), padding=1)
    value = torch.relu(normalise(value, trunk.stem[1]))
    shapes = [tuple(value.shape[1:])]
    for block in trunk.blocks:
        first, first_norm, _, second, second_norm = block.body
        inner = torch.relu(normalise(torch.conv2d(value, first.weight, stride=2, padding=1), first_norm))
        inner = normalise(torch.conv2d(inner, second.weight, padding=1), second_norm)
        direct = torch.einsum("oi,bitf->botf", block.shortcut[0].weight[:, :, 0, 0], value[:, :, ::2, ::2])
        value = torch.relu(inner + normalise(direct, block.shortcut[1]))
        shapes.append(tuple(value.shape[1:]))
    assert shapes == [(4, 50, 40), (4, 25, 20), (6, 13, 10), (5, 7, 5)]
    torch.testing.assert_close(trunk(maps), value.sum((2, 3)) / (7 * 5), atol=1e-5, rtol=1e-4)


def test_resnet_without_pooling_delivers_its_last_maps_in_a_row():
    encoder = build(name="resnet", widths=(4, 6, 5), pooling="none")
    use_statistics_of(encoder, torch.randn(6, 99, 40))
    trunk, maps = encoder.trunk, torch.randn(2, 1, 99, 40)
    last = trunk.blocks(trunk.stem(maps))
    assert tuple(last.shape[1:]) == (5, 7, 5)
    rows = [[last[b, c, t, f].item() for c in range(5) for t in range(7) for f in range(5)] for b in range(2)]
    torch.testing.assert_close(trunk(maps), torch.tensor(rows), atol=1e-6, rtol=1e-5)


def test_resnet_has_the_planned_number_of_weights():
    assert sum(weight.numel() for weight in build(name="resnet").trunk.parameters()) == 398_368


def test_crnn_matches_a_plain_reading():
    encoder = build(name="crnn", widths=(3, 4), hidden=5)
    use_statistics_of(encoder, torch.randn(6, 99, 40) * 3 + 1)
    trunk, recurrent = encoder.trunk, encoder.trunk.recurrent
    maps = torch.randn(2, 1, 99, 40)
    value = maps
    for layer, stride in enumerate([(2, 2), (1, 2)]):
        convolution, norm = trunk.convolutions[3 * layer], trunk.convolutions[3 * layer + 1]
        value = torch.relu(normalise(torch.conv2d(value, convolution.weight, stride=stride, padding=1), norm))
    assert value.shape == (2, 4, 50, 10)
    expected = []
    for maps_of_row in value:
        frames = [maps_of_row[:, time].reshape(-1) for time in range(50)]
        means = []
        for direction, order in (("", frames), ("_reverse", frames[::-1])):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            w, u, b, c = (getattr(recurrent, f"{name}_l0{direction}").chunk(3) for name in names)
            state, states = torch.zeros(5), []
            for frame in order:
                reset = torch.sigmoid(w[0] @ frame + b[0] + u[0] @ state + c[0])
                update = torch.sigmoid(w[1] @ frame + b[1] + u[1] @ state + c[1])
                new = torch.tanh(w[2] @ frame + b[2] + reset * (u[2] @ state + c[2]))
                state = (1 - update) * new + update * state
                states.append(state)
            means.append(sum(states) / len(states))
        expected.append(torch.cat(means))
    torch.testing.assert_close(trunk(maps), torch.stack(expected), atol=1e-5, rtol=1e-4)


def test_impossible_encoders_are_refused():
    narrow = FeaturesConfig(mel_bins=40, coefficients=20)
    with pytest.raises(ConfigError, match=r"bc_resnet_1 .*coefficients = 40, not 20"):
        build_encoder(EncoderConfig(name="bc_resnet_1"), narrow)
    build_encoder(EncoderConfig(name="res15"), narrow)
    for pooling in ((0, 1), (1, 41), (100, 1)):
        with pytest.raises(ConfigError, match="stem_pooling"):
            build_encoder(EncoderConfig(name="res15", stem_pooling=pooling), FEATURES)
        with pytest.raises(ConfigError, match="stem_pooling"):
            build_encoder(EncoderConfig(name="ma_resnet", stem_pooling=pooling), FEATURES)
    for name in ("resnet", "crnn"):
        build_encoder(EncoderConfig(name=name), narrow)
        with pytest.raises(ConfigError, match=r"encoder.widths = \(8, 0\) must be positive"):
            build_encoder(EncoderConfig(name=name, widths=(8, 0)), FEATURES)


@pytest.mark.parametrize(("bands", "rows"), [(1, 10), (5, 1), (5, 2)])
def test_norm_equals_torch_batch_norm_with_sub_bands_as_channels(bands, rows):
    torch.manual_seed(0)
    norm, reference = SubSpectralNorm(3, bands, rows).double(), nn.BatchNorm2d(3 * bands).double()
    with torch.no_grad():
        norm.weight.copy_(torch.rand(bands, 3) + 0.5)
        norm.bias.copy_(torch.randn(bands, 3))
        reference.weight.copy_(norm.weight.t().reshape(-1))
        reference.bias.copy_(norm.bias.t().reshape(-1))
    for step in range(3):
        maps = torch.randn(4, 3, 10, 7, dtype=torch.float64) * 2 + 3
        if step:  # any memory layout will do
            maps = maps.contiguous(memory_format=torch.channels_last)
        ours, theirs = maps.clone().requires_grad_(), maps.clone().requires_grad_()
        height = bands * rows
        ours_in, theirs_in = ours[:, :, :height], theirs[:, :, :height]
        found = norm(ours_in)
        expected = reference(theirs_in.reshape(4, 3 * bands, height // bands, 7)).reshape(4, 3, height, 7)
        torch.testing.assert_close(found, expected)
        weights = torch.randn_like(found)
        for result, module in ((found, norm), (expected, reference)):
            module.zero_grad()
            (result * weights).sum().backward()
        torch.testing.assert_close(ours.grad, theirs.grad)
        torch.testing.assert_close(norm.weight.grad, reference.weight.grad.view(3, bands).t())
        torch.testing.assert_close(norm.bias.grad, reference.bias.grad.view(3, bands).t())
    torch.testing.assert_close(norm.running_mean, reference.running_mean.view(3, bands).t())
    torch.testing.assert_close(norm.running_var, reference.running_var.view(3, bands).t())
    norm.eval(), reference.eval()
    folded = maps[:, :, :height].reshape(4, 3 * bands, height // bands, 7)
    torch.testing.assert_close(norm(maps[:, :, :height]), reference(folded).reshape(4, 3, height, 7))
