"""bfloat16 where the device has it, and a refusal where it has not."""

import pytest
import torch
from builders import NO_AUGMENTATION
from training_runs import run

from kws_core.errors import TrainingError
from kws_core.training.precision import autocast, has_bfloat16

CPU = torch.device("cpu")


def test_bfloat16_trains_close_to_float32_or_is_refused():
    if not has_bfloat16(CPU):
        with pytest.raises(TrainingError, match=r"training\.precision = bfloat16 needs a device .* use float32"):
            run(precision="bfloat16")
        return
    full, half = (run(precision=name, augmentation=NO_AUGMENTATION) for name in ("float32", "bfloat16"))
    assert [report.loss for report in half.history] != [report.loss for report in full.history]
    assert half.history[0].loss == pytest.approx(full.history[0].loss, rel=0.05)
    assert half.history[-1].loss < half.history[0].loss / 2
    assert {value.dtype for value in half.encoder.parameters()} == {torch.float32}


def test_a_device_without_bfloat16_is_refused():
    with pytest.raises(TrainingError, match="which meta does not: use float32"):
        autocast("bfloat16", torch.device("meta"))


def test_the_context_computes_in_what_it_says():
    with autocast("float32", CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    if has_bfloat16(CPU):
        with autocast("bfloat16", CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
