"""Augmented copies of segments: noisy renderings that depend on nothing but the segment, its sound and the seed."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws_core.augment import WaveformAugment
from kws_core.features.copies_config import CopiesConfig
from kws_core.fingerprint import fingerprint


class Copies:
    """Renders copies of windows of sound, on the CPU: they are the same wherever their features are computed."""

    def __init__(self, config: CopiesConfig) -> None:
        self._count = config.count
        self._seed = config.seed
        self._augment = WaveformAugment(config.augmentation)
        self._generator = torch.Generator()

    def render(self, ids: list[str], waveforms: Tensor) -> Iterator[tuple[Tensor, NDArray[np.float32]]]:
        """Each copy of `waveforms [segments, samples]` (float, full scale +-1) in its turn.

        A copy is the sound, of the same shape, and by how much each word became longer, `[segments]`. One segment at a
        time is distorted, from a generator seeded by its id and the copy's number: neither the part that it lies in nor
        its neighbours matter. So noise is synthetic; there is no babble, which other segments would lend.
        """
        for copy in range(1, self._count + 1):
            rendered = torch.empty_like(waveforms)
            stretches = np.empty(len(ids), np.float32)
            for row, segment_id in enumerate(ids):
                seed = int(fingerprint("augmented copy", self._seed, segment_id, copy)[:15], 16)
                sound, stretch = self._augment(waveforms[row : row + 1], self._generator.manual_seed(seed))
                rendered[row], stretches[row] = sound[0], float(stretch[0])
            yield rendered, stretches
