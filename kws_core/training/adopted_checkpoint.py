"""A checkpoint taken over by a run whose learning rate, margin or augmentation differ (population based training)."""

import io
import json
from typing import Any

import torch

from kws_core.config import TrainingSpec
from kws_core.config.search_space import changes_in_training
from kws_core.errors import TrainingError
from kws_core.training.state import FORMAT


def adopt_checkpoint(content: bytes, spec: TrainingSpec) -> bytes:
    """The checkpoint of `fit()` as if `spec` had made it, as far as values may change between epochs.

    Other differences stay in it, so that `fit()` still refuses a checkpoint of another encoder or other batches.

    Raises:
        TrainingError: it is damaged or no checkpoint of `fit()`.
    """
    try:
        saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        if saved["format"] != FORMAT:
            raise ValueError(f"its format is {saved['format']!r}")
        identity = json.loads(saved["identity"])
        identity["spec"] = _taken_over(identity["spec"], spec.model_dump(mode="json"), "")
    except Exception as error:  # damaged bytes fail in torch, zipfile or the unpickler, each with its own errors
        reason = " ".join(str(error).split())
        raise TrainingError(f"the checkpoint of {len(content)} bytes cannot be taken over: {reason}") from error
    sink = io.BytesIO()
    torch.save({**saved, "identity": json.dumps(identity, sort_keys=True)}, sink)
    return sink.getvalue()


def _taken_over(old: dict[str, Any], new: dict[str, Any], prefix: str) -> dict[str, Any]:
    taken = {}
    for name, value in old.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and isinstance(new.get(name), dict):
            taken[name] = _taken_over(value, new[name], f"{path}.")
        else:
            taken[name] = new[name] if name in new and changes_in_training(path) else value
    return taken
