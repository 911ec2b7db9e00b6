"""Values of an experiment by their dotted names: which may be searched, and the experiment with some replaced."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from kws_core.config.augmentation import AugmentationConfig
from kws_core.config.base import Section, Uniform
from kws_core.config.encoder import EncoderConfig
from kws_core.config.losses import LossConfig
from kws_core.config.search import Choice
from kws_core.config.training import SamplingConfig, TrainingConfig
from kws_core.errors import ConfigError

if TYPE_CHECKING:
    from kws_core.config.experiment import Experiment

AnySection = TypeVar("AnySection", bound=Section)

SECTIONS: dict[str, type[Section]] = {
    "loss": LossConfig,
    "training": TrainingConfig,
    "sampling": SamplingConfig,
    "augmentation": AugmentationConfig,
    "encoder": EncoderConfig,
}
"""Sections that trials may differ in."""
FIXED = {
    "training.epochs": "search.max_epochs says how long trials are",
    "training.input": "it decides what data there are before the search",
    "training.repeats": "it decides what data there are before the search",
}
"""What no trial may change, and why."""
SCALED_LOSSES = frozenset({"normalised_softmax", "am_softmax", "aam_softmax"})
"""Losses that have a scale."""
MARGIN_LOSSES = frozenset({"am_softmax", "aam_softmax", "contrastive", "triplet"})
"""Losses that have a margin."""


def searched_values(experiment: "Experiment") -> tuple[str, ...]:
    """Dotted names of what a search varies: the scale and the margin only where a loss has them."""
    space = experiment.search.space
    named = space.get("loss.name")
    losses = set(map(str, named.choice)) if isinstance(named, Choice) else {experiment.loss.name}
    unused = {
        *(() if losses & SCALED_LOSSES else ("loss.scale",)),
        *(() if losses & MARGIN_LOSSES else ("loss.margin",)),
    }
    return tuple(path for path in space if path not in unused)


def perturbed_values(experiment: "Experiment") -> tuple[str, ...]:
    """Names of the searched ranges that population based training changes between epochs."""
    space = experiment.search.space
    return tuple(
        path for path in searched_values(experiment) if isinstance(space[path], Uniform) and changes_in_training(path)
    )


def changes_in_training(path: str) -> bool:
    """Whether a training run can go on from a checkpoint after this value has changed."""
    return path in ("training.learning_rate", "loss.margin") or path.startswith("augmentation.")


def is_whole(path: str) -> bool:
    """Whether the value is a whole number."""
    return _field(path).annotation is int


def value_at(experiment: "Experiment", encoder: EncoderConfig, path: str) -> Any:
    """The experiment's own value."""
    value: Any = experiment
    head, *rest = path.split(".")
    value = encoder if head == "encoder" else getattr(experiment, head)
    for name in rest:
        value = getattr(value, name)
    return value


def with_values(
    experiment: "Experiment", encoder: EncoderConfig, values: Mapping[str, Any]
) -> tuple["Experiment", EncoderConfig]:
    """The experiment and the encoder with some values replaced, all together.

    Raises:
        ConfigError: a section does not accept its values; the sentence names the section and says why.
    """
    of_section: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        head, _, rest = path.partition(".")
        of_section.setdefault(head, {})[rest] = value
    sections: dict[str, Any] = {}
    for head, changes in of_section.items():
        old = encoder if head == "encoder" else getattr(experiment, head)
        try:
            sections[head] = _replaced(old, changes)
        except ValidationError as error:
            said = ", ".join(f"{head}.{rest} = {value!r}" for rest, value in changes.items())
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{said} is refused: {reason}") from error
    changed = sections.pop("encoder", encoder)
    return experiment.model_copy(update=sections), changed


def check_space(experiment: "Experiment") -> None:
    """Refuse a search space that names what is not there, or values that its section does not accept.

    Raises:
        ValueError: the sentence names the dotted name and the value.
    """
    for path, domain in experiment.search.space.items():
        _check_path(path)
        if isinstance(domain, Choice):
            values: tuple[Any, ...] = domain.choice
        else:
            values = (domain.low, domain.high)
            _check_range(path, values)
        for value in values:
            for encoder in (
                experiment.search.encoders if path.startswith("encoder.") else experiment.search.encoders[:1]
            ):
                try:
                    with_values(experiment, encoder, {path: value})
                except ConfigError as error:
                    raise ValueError(f"search.space: {error}") from error
    if experiment.search.scheduler == "pbt" and experiment.search.trials and not perturbed_values(experiment):
        raise ValueError(
            "search.scheduler pbt changes training.learning_rate, loss.margin and numbers of augmentation between "
            "epochs: search.space names a range of none of them"
        )


def _check_path(path: str) -> None:
    head, _, rest = path.partition(".")
    if head not in SECTIONS or not rest:
        raise ValueError(f"search.space names {path!r}: what is searched is in {', '.join(SECTIONS)}")
    if path in FIXED:
        raise ValueError(f"search.space names {path!r}, which trials share: {FIXED[path]}")
    kind: Any = SECTIONS[head]
    for name in rest.split("."):
        if not (isinstance(kind, type) and issubclass(kind, Section)) or name not in kind.model_fields:
            raise ValueError(f"search.space names {path!r}, which is unknown: there is no {name!r}")
        kind = kind.model_fields[name].annotation
    if isinstance(kind, type) and issubclass(kind, Section):
        raise ValueError(f"search.space names {path!r}, a section: name one of {', '.join(kind.model_fields)} in it")


def _check_range(path: str, bounds: tuple[float, float]) -> None:
    if _field(path).annotation not in (int, float):
        raise ValueError(f"search.space: {path} is no number: list its values, {{choice: [...]}}")
    if is_whole(path) and any(bound % 1 for bound in bounds):
        raise ValueError(f"search.space: {path} is a whole number, so {bounds[0]:g} to {bounds[1]:g} is no range of it")


def _field(path: str) -> FieldInfo:
    head, *names = path.split(".")
    kind: Any = SECTIONS[head]
    for name in names[:-1]:
        kind = kind.model_fields[name].annotation
    field: FieldInfo = kind.model_fields[names[-1]]
    return field


def _replaced(section: AnySection, changes: Mapping[str, Any]) -> AnySection:
    values = section.model_dump()
    for path, value in changes.items():
        *inner, last = path.split(".")
        table = values
        for name in inner:
            table = table[name]
        table[last] = value
    return type(section).model_validate(values)
