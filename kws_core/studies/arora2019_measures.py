"""Figures of rare events: balanced error, average precision and FRR, with their bootstrap replicates."""

import numpy as np

from kws_core.evaluation.keyword_ranking import keyword_ranking
from kws_core.evaluation.speaker_bootstrap import Figure, SpeakerBootstrap, share
from kws_core.evaluation.trial_figures import eer_and_frr
from kws_core.studies.result import CellResult


def balanced_error(cell: CellResult, draws: SpeakerBootstrap) -> Figure:
    """Mean over the classes, background among them, of the share of their segments decided as another class.

    The decision is the class of the greatest posterior. A replicate that lacks a class leaves it out of its mean.
    """
    labels, wrong = cell["labels"], cell["scores"].argmax(axis=1) != cell["labels"]
    of_class = np.stack([share(wrong, labels == label, cell["units"], draws) for label in np.unique(labels)])
    known = ~np.isnan(of_class)
    mean: Figure = np.where(known, of_class, 0).sum(axis=0) / known.sum(axis=0)
    return mean


def average_precision(cell: CellResult, draws: SpeakerBootstrap) -> Figure:
    """Mean over the events of the average precision of their posterior, at the test set's own ratio.

    The segments of an event are its positives; background and the other events are its negatives.
    """
    events = cell["scores"].shape[1] - 1
    labels = cell["labels"].astype(np.int64)
    index = np.where(labels < events, labels, -1)
    ratio = float((index >= 0).sum() / (index < 0).sum())
    return keyword_ranking(cell["scores"][:, :events], index, cell["units"], draws, ratio)[0]


def miss_rate(cell: CellResult, draws: SpeakerBootstrap, far: float) -> Figure:
    """FRR of any event against background at a FAR: what is ranked is the log odds of there being an event."""
    log_background = np.minimum(cell["scores"][:, -1].astype(np.float64), -np.finfo(np.float64).tiny)
    log_odds = np.log(-np.expm1(log_background)) - log_background
    event = cell["labels"] < cell["scores"].shape[1] - 1
    return eer_and_frr(log_odds, event, cell["units"], cell["units"], draws, far)[1]
