"""All distortions of waveforms, in the order in which a recording meets them."""

import torch
from torch import Tensor

from kws_core.augment.draws import chosen_rows
from kws_core.augment.narrow_band import NarrowBand
from kws_core.augment.noise import Noise
from kws_core.augment.reverberation import Reverberation
from kws_core.augment.speed import Speed
from kws_core.augment.waveform_shift import WaveformShift
from kws_core.config import WaveformAugmentationConfig


class WaveformAugment:
    """Distort waveforms: speed, shift, reverberation, noise, limited band, each on its own share of the rows.

    `noise [n, samples]`, if given, holds recorded noise at 16 kHz of any level. Levels are not limited to full scale
    afterwards. Raises `TrainingError` for `noise` without rows or samples.
    """

    def __init__(self, config: WaveformAugmentationConfig, noise: Tensor | None = None) -> None:
        self.config = config
        self.speed = Speed(config.max_speed_change)
        self.shift = WaveformShift(config.max_shift_s)
        self.reverberation = Reverberation(config.max_reverberation_s)
        self.noise = Noise(config.min_snr_db, config.max_snr_db, noise)
        self.narrow_band = NarrowBand()

    def __call__(self, pcm: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Distort `pcm [batch, samples]` (float, full scale +-1, 16 kHz); the input is left alone.

        Returns the waveforms and by how much words became longer, `[batch]`: words grow around the centre of the
        window. Random numbers come from `generator` on its own device, so a CPU generator gives the same choices on a
        GPU; a distortion of share 0 draws none.
        """
        config = self.config
        pcm, stretch = pcm.clone(), pcm.new_ones(len(pcm))
        rows = self._rows(pcm, config.speed_share, generator)
        if rows is not None:
            pcm[rows], stretch[rows] = self.speed(pcm[rows], generator)
        for share, distort in ((config.shift_share, self.shift), (config.reverberation_share, self.reverberation)):
            rows = self._rows(pcm, share, generator)
            if rows is not None:
                pcm[rows] = distort(pcm[rows], generator)
        rows = self._rows(pcm, config.noise_share, generator)
        if rows is not None:
            pcm[rows] = self.noise(pcm, rows, generator)
        rows = self._rows(pcm, config.narrow_band_share, generator)
        if rows is not None:
            pcm[rows] = self.narrow_band(pcm[rows], generator)
        return pcm, stretch

    @staticmethod
    def _rows(pcm: Tensor, share: float, generator: torch.Generator) -> Tensor | None:
        """Choose rows; None where there are none, which Fourier transforms do not take."""
        rows = chosen_rows(len(pcm), share, generator) if share else None
        return rows.to(pcm.device) if rows is not None and len(rows) else None
