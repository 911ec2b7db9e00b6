"""Reverberation by synthetic room responses."""

import torch
from torch import Tensor

from kws_core.augment.draws import integers
from kws_core.augment.room_response import room_responses
from kws_core.augment.spectrum import fast_length

POOL_ROWS = 64
POOL_SEED = 19_790_401


class Reverberation:
    """Convolve rows with room responses drawn from a pool of 64, made once from a fixed seed (`room_responses`).

    The direct sound keeps its time and level, so words do not move; what rings on after the window is cut off.
    """

    def __init__(self, max_reverberation_s: float) -> None:
        generator = torch.Generator().manual_seed(POOL_SEED)
        self.responses, self.reverberation_s = room_responses(POOL_ROWS, max_reverberation_s, generator)
        self._spectra = torch.empty(0)
        self._spectra_of: tuple[int, torch.device, torch.dtype] | None = None

    def __call__(self, pcm: Tensor, generator: torch.Generator) -> Tensor:
        """Take `pcm [batch, samples]`; returns waveforms of the same shape."""
        rooms = integers((len(pcm),), 0, POOL_ROWS - 1, generator).to(pcm.device)
        samples = pcm.shape[1]
        length = fast_length(samples + self.responses.shape[1] - 1)
        key = (length, pcm.device, pcm.dtype)
        if self._spectra_of != key:
            self._spectra, self._spectra_of = torch.fft.rfft(self.responses.to(pcm), length), key
        spectrum = torch.fft.rfft(pcm, length).mul_(self._spectra[rooms])
        reverberant: Tensor = torch.fft.irfft(spectrum, length)
        return reverberant[:, :samples]
