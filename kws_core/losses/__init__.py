"""Training criteria, one a file."""

from torch import Tensor

from kws_core.config import FOREIGN, LossConfig
from kws_core.errors import ConfigError, TrainingError
from kws_core.losses.aam_softmax import AAMSoftmax
from kws_core.losses.am_softmax import AMSoftmax
from kws_core.losses.angular import Angular
from kws_core.losses.angular_prototypical import AngularPrototypical
from kws_core.losses.ap_fc import APFC
from kws_core.losses.contrastive import Contrastive
from kws_core.losses.foreign import Foreign
from kws_core.losses.loss import Loss
from kws_core.losses.normalised_softmax import NormalisedSoftmax
from kws_core.losses.prototypical import Prototypical
from kws_core.losses.softmax import Softmax
from kws_core.losses.supervised_contrastive import SupervisedContrastive
from kws_core.losses.triplet import Triplet
from kws_core.losses.weighted_softmax import WeightedSoftmax

__all__ = [
    "APFC",
    "AAMSoftmax",
    "AMSoftmax",
    "Angular",
    "AngularPrototypical",
    "Contrastive",
    "Foreign",
    "Loss",
    "NormalisedSoftmax",
    "Prototypical",
    "Softmax",
    "SupervisedContrastive",
    "Triplet",
    "WeightedSoftmax",
    "build_loss",
]

CLASSIFIERS = frozenset({"softmax", "weighted_softmax", "normalised_softmax", "am_softmax", "aam_softmax"})
"""Losses of ours that need every training segment to be of a class."""


def build_loss(config: LossConfig, embedding_dim: int, classes: int, class_counts: Tensor | None = None) -> Loss:
    """Build the loss that the configuration names, with fresh weights from torch's random generator.

    Args:
        config: the loss.
        embedding_dim: size of the embeddings.
        classes: how many classes labels count; non-targets labelled -1 are none of them.
        class_counts: training segments of each class, `[classes]`; weighted_softmax needs them.

    Raises:
        ConfigError: a margin out of range, options for a loss of ours, or what a foreign loss does not accept.
        TrainingError: weighted_softmax without the counts of all classes.
    """
    _check(config)
    if config.name.startswith(FOREIGN):
        foreign = Foreign(config.name, embedding_dim, classes, config.options)
        if foreign.classifies:
            _check_classifier(config)
        return foreign
    match config.name:
        case "softmax":
            return Softmax(embedding_dim, classes)
        case "weighted_softmax":
            if class_counts is None or len(class_counts) != classes:
                given = "none" if class_counts is None else f"{len(class_counts)}"
                raise TrainingError(f"weighted_softmax needs the segment counts of all {classes} classes, not {given}")
            return WeightedSoftmax(embedding_dim, class_counts)
        case "normalised_softmax":
            return NormalisedSoftmax(embedding_dim, classes, config.scale)
        case "am_softmax":
            return AMSoftmax(embedding_dim, classes, config.scale, config.margin)
        case "aam_softmax":
            return AAMSoftmax(embedding_dim, classes, config.scale, config.margin)
        case "contrastive":
            return Contrastive(config.margin)
        case "triplet":
            return Triplet(config.margin, config.mining)
        case "prototypical":
            return Prototypical()
        case "angular_prototypical":
            return AngularPrototypical()
        case "ap_fc":
            return APFC(embedding_dim, classes)
        case "supervised_contrastive":
            return SupervisedContrastive(config.temperature)
        case "angular":
            return Angular(config.angle_degrees)
    raise ConfigError(f"loss.name {config.name!r} is not known")


def _check(config: LossConfig) -> None:
    name, margin = config.name, config.margin
    if name in ("am_softmax", "aam_softmax") and not 0 <= margin < 1:
        raise ConfigError(f"loss.margin is {margin:g}: {name} takes at least 0 and below 1")
    if name in ("contrastive", "triplet") and not 0 < margin <= 2:
        raise ConfigError(f"loss.margin is {margin:g}: {name} takes above 0 and up to 2, the longest distance there is")
    if name in CLASSIFIERS:
        _check_classifier(config)
    if config.options and not name.startswith(FOREIGN):
        raise ConfigError(f"loss.options holds {sorted(config.options)[0]!r}: options are for {FOREIGN}<Class> only")


def _check_classifier(config: LossConfig) -> None:
    if config.non_targets == "negatives_only":
        raise ConfigError(
            f"loss.non_targets is negatives_only: {config.name} is a classifier and takes own_class or unknown_cluster"
        )
