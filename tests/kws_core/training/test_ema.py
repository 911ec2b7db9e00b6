"""The moving average of weights, and that it is what `fit()` judges and delivers."""

import numpy as np
import pytest
import torch
from builders import NO_AUGMENTATION, toy_data
from torch import nn
from training_runs import run, weights

from kws_core.training.ema import MovingAverage
from kws_core.training.judge import Judge


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_weights_and_buffers_are_averaged_step_by_step(decay):
    torch.manual_seed(0)
    modules = nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))})
    average = MovingAverage(modules, decay)
    expected = {name: value.double().numpy().copy() for name, value in modules.state_dict().items()}
    for step in range(12):
        with torch.no_grad():
            for value in modules.parameters():
                value.add_(torch.randn_like(value))
        modules["encoder"](torch.randn(4, 3))
        average.update()
        now = min(decay, (1 + step) / (10 + step))
        for name, value in modules.state_dict().items():
            if value.is_floating_point():
                expected[name] = now * expected[name] + (1 - now) * value.double().numpy()
            else:
                expected[name] = value.numpy()
    for name, value in average.modules.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], atol=1e-6, err_msg=name)
    assert average.modules["encoder"][1].num_batches_tracked == 12


def test_the_average_is_delivered_and_the_training_is_not_touched():
    plain = run(seed=1, augmentation=NO_AUGMENTATION)
    averaged = run(seed=1, augmentation=NO_AUGMENTATION, ema_decay=0.9)
    assert [report.loss for report in plain.history] == [report.loss for report in averaged.history]
    assert weights(plain) != weights(averaged)


def test_the_average_of_one_step_is_a_tenth_of_the_start():
    """d = min(decay, 1 / 10) in the first step."""
    options = {"seed": 1, "epochs": 1, "batch_size": 500, "augmentation": NO_AUGMENTATION}
    start = run(learning_rate=1e-30, **options).encoder
    end, averaged = run(**options).encoder, run(ema_decay=0.9, **options).encoder
    for (name, value), first, last in zip(
        averaged.named_parameters(), start.parameters(), end.parameters(), strict=True
    ):
        torch.testing.assert_close(value, 0.1 * first + 0.9 * last, atol=1e-6, rtol=0, msg=name)


def test_what_is_judged_is_the_average():
    data = toy_data(noise=2.5)
    result = run(data, ema_decay=0.95, epochs=2)
    place = torch.device("cpu")
    judge = Judge(data, data.label_ids, result.loss, None, place)
    again = judge.report(result.encoder, result.loss, 2, result.history[-1].loss, 1e-3)
    assert again == result.history[-1]
