"""SHA-256 over canonical JSON: the keys that make a stage's output addressable by its inputs."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel


def fingerprint(*values: Any) -> str:
    """64 hexadecimal digits of the values; equal values give equal digits on every machine."""
    return hashlib.sha256(canonical_json(list(values)).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; pydantic models become objects."""
    return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(content: bytes) -> str:
    """64 hexadecimal digits of the bytes."""
    return hashlib.sha256(content).hexdigest()


def unit_interval(*values: Any) -> float:
    """A number in [0, 1) that only depends on the values: hashed splits and part boundaries."""
    return int(fingerprint(*values)[:13], 16) / 16**13


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical JSON")
