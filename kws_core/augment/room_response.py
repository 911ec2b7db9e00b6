"""Synthetic impulse responses of rooms."""

import math

import torch
from torch import Tensor

from kws_core.augment.draws import integers, uniform
from kws_core.config import SAMPLE_RATE_HZ

MIN_REVERBERATION_S = 0.05
MIN_DIRECT_DB, MAX_DIRECT_DB = 0.0, 15.0
"""Energy of the direct sound over that of all the rest."""
EARLY_REFLECTIONS = 6
EARLY_S = 0.03
EARLY_OF_REVERBERATION = 0.1
"""The early reflections arrive within 30 ms and a tenth of the reverberation time: small rooms reflect sooner."""
EARLY_SHARE = 0.2
"""Share of the reflected energy that the early reflections bring."""


def room_responses(rows: int, max_reverberation_s: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Make room responses `[rows, samples]` and their reverberation times in seconds, `[rows]`.

    Sample 0 is the direct sound, 1. After it come noise that decays exponentially by 60 dB within the reverberation
    time (uniform from 0.05 s to `max_reverberation_s`) and six early reflections of random sign and time on the same
    decay, a fifth of the reflected energy. The direct sound is 0 to 15 dB above both together.
    Source: Polack's model of diffuse decay.
    """
    device = generator.device
    samples = math.ceil(max_reverberation_s * SAMPLE_RATE_HZ)
    reverberation_s = uniform((rows,), MIN_REVERBERATION_S, max_reverberation_s, generator)
    time_s = torch.arange(samples, device=device) / SAMPLE_RATE_HZ
    decay = 10 ** (-3 * time_s / reverberation_s[:, None])
    early_s = (EARLY_OF_REVERBERATION * reverberation_s[:, None]).clamp(max=EARLY_S)
    onset_s = early_s * uniform((rows, 1), 0, 0.5, generator)
    noise = torch.randn(rows, samples, generator=generator, device=device)
    diffuse = noise * decay * (time_s >= onset_s)
    places = 1 + (early_s * SAMPLE_RATE_HZ * uniform((rows, EARLY_REFLECTIONS), 0, 1, generator)).long()
    signs = integers((rows, EARLY_REFLECTIONS), 0, 1, generator) * 2.0 - 1
    early = torch.zeros_like(diffuse).scatter_(1, places, signs * decay.gather(1, places))
    reflected = _unit_energy(early) * EARLY_SHARE**0.5 + _unit_energy(diffuse) * (1 - EARLY_SHARE) ** 0.5
    direct_db = uniform((rows, 1), MIN_DIRECT_DB, MAX_DIRECT_DB, generator)
    response = _unit_energy(reflected) * 10 ** (-direct_db / 20)
    response[:, 0] = 1
    return response, reverberation_s


def _unit_energy(response: Tensor) -> Tensor:
    return response / response.square().sum(dim=1, keepdim=True).sqrt()
