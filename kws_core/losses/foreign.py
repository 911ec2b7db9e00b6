"""Losses of pytorch-metric-learning, by name."""

import copy
import inspect
from collections.abc import Mapping
from importlib import import_module

import torch
from torch import Tensor, nn

from kws_core.config import FOREIGN
from kws_core.errors import ConfigError, TrainingError
from kws_core.losses.loss import Loss, check_labels, no_pairs
from kws_core.losses.pair_masks import positive_pairs

PACKAGE = "pytorch_metric_learning"
INSTALL = "pip install pytorch-metric-learning"


class Foreign(Loss):
    """A loss of pytorch-metric-learning as one of ours.

    A loss with `num_classes` is a classifier and takes no non-targets. To the others each non-target (-1) is shown as a
    class of its own, so it has no positives; unlike in our own losses, non-targets are negatives of each other too, and
    may be anchors. A batch without two samples of one class has loss 0 there, with a graph.
    Source: Musgrave et al. 2020, PyTorch Metric Learning.
    """

    def __init__(self, name: str, embedding_dim: int, classes: int, options: Mapping[str, float]) -> None:
        """Build the loss `pytorch_metric_learning.losses.<Class>` with `options` as its constructor's arguments.

        `num_classes`, `embedding_size` and `descriptors_dim` are filled in where the constructor asks for them.

        Raises:
            ConfigError: the package is missing, it has no such loss, an option is not accepted, or the loss needs more
                than embeddings, labels and numbers.
        """
        super().__init__()
        self.name, self.classes = name.removeprefix(FOREIGN), classes
        kind = _loss_class(self.name)
        parameters = _parameters(kind)
        given = {"num_classes": classes, "embedding_size": embedding_dim, "descriptors_dim": embedding_dim}
        filled = {
            key: value
            for key, value in given.items()
            if key in parameters and parameters[key].default is inspect.Parameter.empty
        }
        self.classifies = "num_classes" in filled or "num_classes" in options
        accepted = sorted(parameters.keys() - filled.keys())
        for key in options:
            if key not in accepted:
                raise ConfigError(f"loss.options: {self.name} has no option {key!r}: use {', '.join(accepted)}")
        arguments = {key: _number(value, parameters[key]) for key, value in options.items()}
        try:
            self.loss = kind(**filled, **arguments)
            _try(copy.deepcopy(self), embedding_dim)
        except Exception as error:  # whatever a foreign constructor makes of its arguments
            raise ConfigError(f"loss.name {name} cannot be used so: {error}") from error

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of `embeddings [batch, dim]` with class indices or, unless it classifies, -1 `labels`.

        Raises:
            TrainingError: a label that this loss has no use for, or a batch that the loss refuses.
        """
        check_labels(labels, self.classes, self.name, non_targets=not self.classifies)
        if not self.classifies and not positive_pairs(labels).any():
            return no_pairs(embeddings)
        alone = self.classes + torch.arange(len(labels), device=labels.device)
        try:
            value: Tensor = self.loss(embeddings, torch.where(labels < 0, alone, labels))
        except ValueError as error:
            raise TrainingError(f"{self.name} refuses a batch: {error}") from error
        return value + no_pairs(embeddings)  # where it finds nothing to compare, it may return a bare 0

    def logits(self, embeddings: Tensor) -> Tensor:
        """Scores `[batch, classes]` of a loss that has `get_logits`."""
        if not self.has_logits:
            return super().logits(embeddings)
        scores: Tensor = self.loss.get_logits(embeddings)  # type: ignore[operator]
        return scores

    @property
    def has_logits(self) -> bool:
        """Whether the loss has `get_logits`."""
        return hasattr(self.loss, "get_logits")


def _loss_class(name: str) -> type[nn.Module]:
    try:
        package = import_module(f"{PACKAGE}.losses")
    except ImportError as error:
        raise ConfigError(f"loss.name {FOREIGN}{name} needs pytorch-metric-learning: {INSTALL}") from error
    known = {
        key: value
        for key, value in vars(package).items()
        if inspect.isclass(value) and issubclass(value, nn.Module) and key.endswith("Loss")
    }
    if name not in known:
        classes = ", ".join(sorted(known))
        raise ConfigError(f"loss.name: {FOREIGN}{name} is no loss of that package: <Class> is one of {classes}")
    return known[name]


def _parameters(kind: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """Constructor arguments by name; a class goes before those it passes `**kwargs` on to."""
    found: dict[str, inspect.Parameter] = {}
    for ancestor in kind.__mro__:
        if "__init__" in vars(ancestor) and ancestor not in (nn.Module, object):
            for key, parameter in list(inspect.signature(vars(ancestor)["__init__"]).parameters.items())[1:]:
                if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                    found.setdefault(key, parameter)
    return found


def _number(value: float, parameter: inspect.Parameter) -> float | int | bool:
    """Give the option the type that its constructor expects: the configuration holds floats only."""
    if isinstance(parameter.default, bool) and value in (0, 1):
        return bool(value)
    whole = parameter.default is None or isinstance(parameter.default, int) or parameter.annotation is int
    return int(value) if whole and value == int(value) else value


def _try(loss: Foreign, embedding_dim: int) -> None:
    """Take two steps with a copy: some options and needs, and graphs kept from step to step, show only then."""
    labels = torch.tensor([0, 0, 1, 1]) % loss.classes
    with torch.random.fork_rng(devices=[]):
        for step in range(2):
            batch = torch.linspace(-1 - step, 1, 4 * embedding_dim).sin().reshape(4, embedding_dim)
            loss(batch.requires_grad_(), labels).backward()
