"""Checkpoints as bytes that hold no code, with the configuration that they were made with."""

import io
import json
from collections.abc import Mapping
from typing import Any

import torch

from kws_core.errors import TrainingError


def write_checkpoint(content: Mapping[str, Any], kind: str, identity: Mapping[str, Any]) -> bytes:
    """Pack tensors and plain values; `identity` is plain values that a reader must share."""
    sink = io.BytesIO()
    torch.save({"format": kind, "identity": json.dumps(identity, sort_keys=True), **content}, sink)
    return sink.getvalue()


def read_checkpoint(content: bytes, kind: str, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Unpack a checkpoint.

    Raises:
        TrainingError: it is damaged, of another kind, or was made with another configuration, seed or data.
    """
    try:
        saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes fail in torch, zipfile or the unpickler, each with its own errors
        raise TrainingError(
            f"the checkpoint of {len(content)} bytes is damaged or none: delete it and train again"
        ) from error
    if not isinstance(saved, dict) or saved.get("format") != kind:
        found = saved.get("format") if isinstance(saved, dict) else type(saved).__name__
        raise TrainingError(f"the checkpoint is not of the kind {kind!r} but {found!r}: delete it and train again")
    theirs, ours = _flat(json.loads(saved["identity"])), _flat(json.loads(json.dumps(identity)))
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            raise TrainingError(
                f"the checkpoint is of another run: {name} is {theirs.get(name)!r} there and {ours.get(name)!r} here"
            )
    return saved


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat.update(_flat(inner, f"{prefix}.{name}" if prefix else name))
    return flat
