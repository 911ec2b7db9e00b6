"""What a search varies, and how a trial is described."""

import pytest

from kws_core.config import LossConfig
from tasks.search import describe_trial, searched_values
from tasks.training_input import TrainingInput

TRIAL = {"encoder": {"name": "res15"}, "scale": 21.25, "margin": 0.125, "learning_rate": 0.0042}


@pytest.mark.parametrize(
    ("loss", "searched", "described"),
    [
        ("am_softmax", ("scale", "margin", "learning_rate"), "res15, scale 21.2, margin 0.12, learning rate 4.2e-03"),
        ("normalised_softmax", ("scale", "learning_rate"), "normalised_softmax has no margin"),
        ("triplet", ("margin", "learning_rate"), "triplet has no scale"),
        ("softmax", ("learning_rate",), "res15, learning rate 4.2e-03, softmax has no scale and no margin"),
    ],
)
def test_only_what_the_loss_has_is_searched(loss, searched, described):
    config = LossConfig(name=loss)
    assert searched_values(config) == searched
    assert describe_trial(TRIAL, config).endswith(described)


def test_segments_and_noise_that_are_not_read_are_no_part_of_the_input():
    given = TrainingInput(features="f", selection="s", pairs="p")
    assert given.model_dump() == {"features": "f", "selection": "s", "pairs": "p"}
    assert TrainingInput.model_validate(given.model_dump()) == given
    for name in ("segments", "noise"):
        assert given.model_copy(update={name: "x"}).model_dump() == {**given.model_dump(), name: "x"}
