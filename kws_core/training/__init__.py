"""`fit()`: one loop for every encoder and loss, resumable at any epoch."""

from kws_core.training.fit import fit
from kws_core.training.judge import embed
from kws_core.training.report import EpochReport, FitResult, OnEpoch

__all__ = ["EpochReport", "FitResult", "OnEpoch", "embed", "fit"]
