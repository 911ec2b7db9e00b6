"""The training criterion, and how non-target words enter it."""

from typing import Literal, get_args

from pydantic import Field, field_validator

from kws_core.config.base import Section

OwnLoss = Literal[
    "softmax",
    "weighted_softmax",
    "normalised_softmax",
    "am_softmax",
    "aam_softmax",
    "contrastive",
    "triplet",
    "prototypical",
    "angular_prototypical",
    "ap_fc",
    "supervised_contrastive",
    "angular",
]
FOREIGN = "pytorch_metric_learning.losses."


class LossConfig(Section):
    """The training criterion."""

    name: str = "am_softmax"
    """One of ours, or `pytorch_metric_learning.losses.<Class>`: any loss of that library."""
    scale: float = Field(default=30.0, gt=0)
    """normalised_softmax, am_softmax, aam_softmax: what cosines are multiplied by."""
    margin: float = Field(default=0.2, ge=0)
    """am_softmax, aam_softmax (below 1), contrastive and triplet (distance): the margin."""
    margin_ramp_epochs: int = Field(default=15, ge=0)
    """am_softmax, aam_softmax: the margin grows linearly over these epochs, then stays (Ma et al.: 15)."""
    mining: Literal["all", "batch_hard", "semi_hard"] = "batch_hard"
    """triplet: which triplets of the batch count."""
    temperature: float = Field(default=0.1, gt=0)
    """supervised_contrastive: what cosines are divided by."""
    angle_degrees: float = Field(default=40.0, gt=0, lt=90)
    """angular: the angle bound."""
    non_targets: Literal["own_class", "unknown_cluster", "negatives_only"] = "own_class"
    """Words that are no keywords are classes of their own (Ma et al.), one cluster, or negatives only (Huh et al.)."""
    options: dict[str, float] = Field(default_factory=dict)
    """Arguments of a loss of pytorch-metric-learning."""

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in get_args(OwnLoss) and not name.startswith(FOREIGN):
            raise ValueError(f"unknown loss {name!r}: use {', '.join(get_args(OwnLoss))}, or {FOREIGN}<Class>")
        return name
