"""A training run that goes on from a checkpoint under another learning rate, margin and augmentation."""

import numpy as np
import pytest
import torch
from builders import NO_AUGMENTATION, SMALL_ENCODER, SMALL_FEATURES, toy_data

from kws_core.config import LossConfig, TrainingConfig, TrainingSpec
from kws_core.errors import TrainingError
from kws_core.training import fit
from kws_core.training.adopted_checkpoint import adopt_checkpoint

SPEC = TrainingSpec(
    features=SMALL_FEATURES,
    encoder=SMALL_ENCODER,
    loss=LossConfig(scale=10, margin=0.1, margin_ramp_epochs=0),
    training=TrainingConfig(epochs=2, batch_size=12, learning_rate=1e-3),
    augmentation=NO_AUGMENTATION,
)


def changed(**sections: dict) -> TrainingSpec:
    return SPEC.model_copy(
        update={name: getattr(SPEC, name).model_copy(update=values) for name, values in sections.items()}
    )


@pytest.fixture(scope="module")
def checkpoint() -> bytes:
    dumps: list[bytes] = []
    fit(toy_data(), SPEC, 0, lambda report, dump: dumps.append(dump()))
    return dumps[0]


def test_unchanged_values_give_the_undisturbed_run(checkpoint: bytes) -> None:
    whole = fit(toy_data(), SPEC, 0)
    resumed = fit(toy_data(), SPEC, 0, checkpoint=adopt_checkpoint(checkpoint, SPEC))
    for name, weight in whole.encoder.state_dict().items():
        torch.testing.assert_close(resumed.encoder.state_dict()[name], weight, rtol=0, atol=0)


@pytest.mark.parametrize(
    "sections",
    [
        {"training": {"learning_rate": 1e-2}},
        {"loss": {"margin": 0.4}},
        {"augmentation": {"gain_db": 12.0}},
    ],
)
def test_changed_values_are_trained_with(checkpoint: bytes, sections: dict) -> None:
    spec = changed(**sections)
    with pytest.raises(TrainingError, match="the checkpoint is of another run"):
        fit(toy_data(), spec, 0, checkpoint=checkpoint)
    adopted = fit(toy_data(), spec, 0, checkpoint=adopt_checkpoint(checkpoint, spec))
    whole = fit(toy_data(), SPEC, 0)
    assert [report.epoch for report in adopted.history] == [1, 2]
    assert adopted.history[0] == whole.history[0]
    assert adopted.history[1].loss != whole.history[1].loss
    assert np.isfinite(adopted.history[1].loss)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"batch_size": 6}}, "spec.training.batch_size is 12 there and 6 here"),
        ({"loss": {"scale": 20.0}}, "spec.loss.scale is 10.0 there and 20.0 here"),
        ({"encoder": {"maps": 8}}, "spec.encoder.maps is 6 there and 8 here"),
    ],
)
def test_what_cannot_change_between_epochs_is_still_refused(checkpoint: bytes, sections: dict, message: str) -> None:
    spec = changed(**sections)
    with pytest.raises(TrainingError, match=message):
        fit(toy_data(), spec, 0, checkpoint=adopt_checkpoint(checkpoint, spec))


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_damaged_checkpoints_are_one_sentence(content: bytes) -> None:
    with pytest.raises(
        TrainingError, match=rf"the checkpoint of {len(content)} bytes cannot be taken over: "
    ) as caught:
        adopt_checkpoint(content, SPEC)
    assert "\n" not in str(caught.value)
