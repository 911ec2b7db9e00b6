"""Fine-tuning: training that starts from the encoder of a bundle."""

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from kws_core.bundle import WEIGHTS, Bundle, load_bundle
from kws_core.config import EncoderConfig, FeaturesConfig, Section, StrategyConfig, TrainingSpec
from kws_core.errors import TrainingError
from kws_core.training import FitResult, OnEpoch, fit
from kws_core.training_data import TrainingData

UNIVERSAL = "universal"
"""Name of the bundle that comes with the package."""
COUNT = ".num_batches_tracked"


def fine_tune(
    data: TrainingData,
    spec: TrainingSpec,
    strategy: StrategyConfig,
    seed: int,
    on_epoch: OnEpoch | None = None,
    checkpoint: bytes | None = None,
    device: str = "cpu",
) -> FitResult:
    """Train from the encoder of `strategy.bundle`: a bundle's folder, or `universal`; otherwise as `fit()`.

    Raises:
        BundleError: the bundle is missing or damaged.
        TrainingError: its features or encoder are not those of `spec`; the sentence names what differs.
    """
    initial = starting_weights(open_starting_bundle(strategy.bundle), spec)
    return fit(data, spec, seed, on_epoch, checkpoint, device, initial)


def open_starting_bundle(name: str) -> Bundle:
    """Open a bundle by its folder, or the package's own as `universal`; raises `BundleError` when it cannot."""
    if name == UNIVERSAL:
        # here: most training does not need it
        from kws_core.universal import universal_bundle_path

        return load_bundle(universal_bundle_path())
    return load_bundle(Path(name))


def starting_weights(bundle: Bundle, spec: TrainingSpec) -> dict[str, Tensor]:
    """The encoder's weights of a bundle, by their names.

    Raises:
        TrainingError: the bundle's features or encoder are not those of `spec`.
    """
    described = bundle.description
    differences = [
        *_differences("features", _parsed(FeaturesConfig, described.features, bundle), spec.features),
        *_differences("encoder", _parsed(EncoderConfig, described.encoder, bundle), spec.encoder),
    ]
    if differences:
        raise TrainingError(
            f"the bundle {described.name!r} cannot be fine-tuned with this experiment: {'; '.join(differences)}"
        )
    tensors = {name: torch.from_numpy(array) for name, array in bundle.tensors(WEIGHTS).items()}
    # a bundle keeps a count of batches, a scalar, as an array of one
    return {name: tensor.reshape(()) if name.endswith(COUNT) else tensor for name, tensor in tensors.items()}


def _parsed(kind: type[Section], values: dict[str, Any], bundle: Bundle) -> Section:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        what = f"{kind.__name__} {field}: {first['msg']}"
        raise TrainingError(f"the bundle {bundle.description.name!r} was made by another version: {what}") from error


def _differences(section: str, theirs: Section, ours: Section) -> list[str]:
    """What differs, one sentence each."""
    pairs = [(name, getattr(theirs, name), getattr(ours, name)) for name in type(ours).model_fields]
    return [f"{section}.{name} is {there!r} there and {here!r} here" for name, there, here in pairs if there != here]
