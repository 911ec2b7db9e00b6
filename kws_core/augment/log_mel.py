"""From features to log-mel energies and back."""

import numpy as np
import torch
from torch import Tensor

from kws_core.config import FeaturesConfig
from kws_core.errors import ConfigError
from kws_core.features.kaldi import dct_matrix


def log_mel_matrices(features: FeaturesConfig, needed_by: str) -> tuple[Tensor, Tensor]:
    """Matrices that features are multiplied with to get log-mel energies, `[coeff, mel]`, and back, `[mel, coeff]`.

    Raises `ConfigError`, naming the field `needed_by`, for MFCC with fewer coefficients than mel bins.
    """
    if features.kind == "log_mel":
        return torch.eye(features.mel_bins), torch.eye(features.mel_bins)
    if features.coefficients != features.mel_bins:
        raise ConfigError(
            f"{needed_by} changes log-mel energies, which MFCC give back only with features.coefficients = "
            f"features.mel_bins, not {features.coefficients} and {features.mel_bins}"
        )
    dct = dct_matrix(features.coefficients, features.mel_bins)
    return (
        torch.as_tensor(np.linalg.inv(dct).T, dtype=torch.float32),
        torch.as_tensor(dct.T, dtype=torch.float32),
    )
