"""What a search varies, what Tune draws it from, and how a trial is described."""

from typing import Any

import pytest
from search_input import experiment

from kws_core.config import LossConfig
from kws_core.errors import ConfigError
from tasks.search_space import as_given, configured, describe_trial, drawn_trial, tune_space
from tasks.training_input import TrainingInput

SPACE = {
    "loss.scale": {"low": 10, "high": 30},
    "loss.margin": {"low": 0, "high": 0.3},
    "training.learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
}
TRIAL = {
    "encoder": {"name": "res15"},
    "values": {"loss.scale": 21.25, "loss.margin": 0.125, "training.learning_rate": 0.0042},
}


@pytest.mark.parametrize(
    ("loss", "described"),
    [
        ("am_softmax", "res15, scale 21.2, margin 0.12, learning rate 4.2e-03"),
        ("normalised_softmax", "res15, scale 21.2, learning rate 4.2e-03, normalised_softmax has no margin"),
        ("triplet", "res15, margin 0.12, learning rate 4.2e-03, triplet has no scale"),
        ("softmax", "res15, learning rate 4.2e-03, softmax has no scale and no margin"),
    ],
)
def test_a_trial_is_described_by_what_the_loss_has(loss: str, described: str) -> None:
    settings = experiment(loss=LossConfig(name=loss).model_dump(), search={"space": SPACE})
    assert describe_trial(TRIAL, settings) == described


def test_what_is_drawn_stays_in_its_range_and_reaches_the_configuration() -> None:
    space = {
        **SPACE,
        "sampling.name": {"choice": ["episodes"]},
        "sampling.samples_per_class": {"choice": [2, 4]},
        "augmentation.time_masks": {"low": 1, "high": 2},
        "training.batch_size": {"low": 8, "high": 64, "log": True},
        "encoder.embedding_dim": {"choice": [16]},
    }
    encoders = [{"name": "res15", "maps": 4}, {"name": "bc_resnet_1"}]
    settings = experiment(search={"space": space, "encoders": encoders})
    drawn = [{name: domain.sample() for name, domain in tune_space(settings).items()} for _ in range(200)]
    assert {config["augmentation.time_masks"] for config in drawn} == {1, 2}
    assert {config["sampling.samples_per_class"] for config in drawn} == {2, 4}
    assert {config["encoder"] for config in drawn} == {0, 1}
    assert all(8 <= config["training.batch_size"] <= 64 for config in drawn)
    assert all(1e-3 <= config["training.learning_rate"] <= 1e-2 for config in drawn)
    for config in drawn[:20]:
        trial = drawn_trial(settings, config)
        chosen, encoder = configured(settings, trial)
        assert (encoder.name, encoder.embedding_dim) == (encoders[config["encoder"]]["name"], 16)
        assert chosen.sampling.samples_per_class == config["sampling.samples_per_class"]
        assert chosen.augmentation.time_masks == config["augmentation.time_masks"]
        assert chosen.loss.margin == config["loss.margin"]
        sections = ("loss", "training", "sampling", "augmentation")
        assert chosen.model_copy(update={name: getattr(settings, name) for name in sections}) == settings
        assert configured(chosen, as_given(settings))[0].loss == settings.loss


def test_values_that_do_not_go_together_are_one_sentence() -> None:
    settings = experiment()
    values: dict[str, Any] = {"augmentation.waveform.min_snr_db": 20.0, "augmentation.waveform.max_snr_db": 10.0}
    with pytest.raises(ConfigError, match=r"min_snr_db = 20.0, .* is refused: min_snr_db \(20\) cannot exceed max"):
        configured(settings, {"encoder": {"name": "res15"}, "values": values})


def test_segments_and_noise_that_are_not_read_are_no_part_of_the_input() -> None:
    given = TrainingInput(features="f", selection="s", pairs="p")
    assert given.model_dump() == {"features": "f", "selection": "s", "pairs": "p"}
    assert TrainingInput.model_validate(given.model_dump()) == given
    for name in ("segments", "noise"):
        assert given.model_copy(update={name: "x"}).model_dump() == {**given.model_dump(), name: "x"}
