"""SpecAugment: masks over time and frequency."""

import torch
from torch import Tensor

from kws_core.augment.draws import integers, uniform
from kws_core.augment.log_mel import log_mel_matrices
from kws_core.config import AugmentationConfig, FeaturesConfig


class SpecAugment:
    """Mask stretches of time and ranges of mel bands in every row, without warping time.

    Each mask's width is uniform within 0 to its limit (`max_time_mask_s`, `max_frequency_mask_bands`, at most the
    whole row) and its place uniform among those where it fits; masks may overlap. Masked energies take the row's mean
    log-mel energy, over all frames and bands, as in the paper (whose spectrograms have zero mean and are set to zero).
    Raises `ConfigError` for frequency masks on MFCC with fewer coefficients than mel bins.
    Source: Park et al. 2019, "SpecAugment", section 2.
    """

    def __init__(self, config: AugmentationConfig, features: FeaturesConfig) -> None:
        self.config = config
        self.max_frames = int(config.max_time_mask_s / features.hop_s + 1e-6)
        self.is_mfcc = features.kind == "mfcc"
        self.log_mel = log_mel_matrices(features, "augmentation.frequency_masks") if config.frequency_masks else None

    def __call__(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Take `features [batch, time, coeff]`; returns the same shape."""
        batch, time, _ = features.shape
        mean = self._mean(features)
        if self.log_mel is not None:
            to_log_mel, from_log_mel = (matrix.to(features) for matrix in self.log_mel)
            bands = to_log_mel.shape[1]
            masked = draw_masks(
                batch, self.config.frequency_masks, self.config.max_frequency_mask_bands, bands, generator
            ).to(features.device)
            # Only the change goes through the cosine transform: rows without a mask keep their bits.
            change = (mean - features) @ to_log_mel * masked[:, None, :]
            features = features + change @ from_log_mel
        if self.config.time_masks:
            masked = draw_masks(batch, self.config.time_masks, self.max_frames, time, generator).to(features.device)
            features = torch.where(masked[:, :, None], mean, features)
        return features

    def _mean(self, features: Tensor) -> Tensor:
        """Features of a frame whose every log-mel energy is the row's mean, `[batch, 1, coeff]`."""
        if not self.is_mfcc:
            return features.mean(dim=(1, 2), keepdim=True).expand(-1, 1, features.shape[2])
        mean = torch.zeros_like(features[:, :1])
        mean[:, 0, 0] = features[:, :, 0].mean(dim=1)  # a flat spectrum has coefficient 0 only
        return mean


def draw_masks(batch: int, masks: int, max_width: int, length: int, generator: torch.Generator) -> Tensor:
    """Draw `masks` masks a row; True where one lies, `[batch, length]` on the generator's device."""
    width = integers((batch, masks, 1), 0, min(max_width, length), generator)
    place = uniform((batch, masks, 1), 0, 1, generator)
    first = (place * (length - width + 1)).long().minimum(length - width)  # float32 may round up to the end
    places = torch.arange(length, device=generator.device)
    return ((places >= first) & (places < first + width)).any(dim=1)
