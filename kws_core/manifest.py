"""A dataset: an immutable list of content-addressed parts."""

import json
from dataclasses import dataclass, field
from typing import Any

from kws_core.errors import StoreError
from kws_core.fingerprint import fingerprint


@dataclass(frozen=True)
class Part:
    """One Parquet object of a dataset and what is known of it without opening it."""

    key: str
    corpus: str
    rows: int
    rejected: int
    size_bytes: int
    sha256: str

    def to_json(self) -> bytes:
        """The part's description, as stored beside it."""
        return (json.dumps(vars(self), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, name: str) -> "Part":
        """Read a description; raises `StoreError` naming the object when it is damaged."""
        try:
            return cls(**json.loads(content))
        except (ValueError, TypeError) as error:
            raise StoreError(f"{name} is damaged: {error}; delete it and run again") from error


@dataclass(frozen=True)
class Manifest:
    """An immutable dataset. Part `i` of a stage is made from part `i` of the stage before it."""

    stage: str
    version: int
    parts: tuple[Part, ...] = field(default_factory=tuple)

    @property
    def fingerprint(self) -> str:
        """Identity of the dataset: known from its part keys, before anything is computed."""
        return manifest_fingerprint(self.stage, self.version, [part.key for part in self.parts])

    @property
    def rows(self) -> int:
        """Rows over all parts."""
        return sum(part.rows for part in self.parts)

    @property
    def rejected(self) -> int:
        """Rejected inputs over all parts."""
        return sum(part.rejected for part in self.parts)

    def to_json(self) -> bytes:
        """The manifest as stored: one part a line, 250 bytes each."""
        parts = ",\n".join("  " + json.dumps(vars(part), sort_keys=True) for part in self.parts)
        stage = json.dumps(self.stage)
        return f'{{\n "parts": [\n{parts}\n ],\n "stage": {stage},\n "version": {self.version}\n}}\n'.encode()

    @classmethod
    def from_json(cls, content: bytes, name: str) -> "Manifest":
        """Read a manifest; raises `StoreError` naming the object when it is damaged."""
        try:
            fields: dict[str, Any] = json.loads(content)
            parts = tuple(Part(**part) for part in fields["parts"])
            return cls(stage=fields["stage"], version=fields["version"], parts=parts)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(f"{name} is damaged: {error}; delete it and run again") from error


def manifest_fingerprint(stage: str, version: int, part_keys: list[str]) -> str:
    """Fingerprint of the dataset that has these parts in this order."""
    return fingerprint("manifest", stage, version, part_keys)


def part_key(stage: str, version: int, config: Any, upstream: list[str]) -> str:
    """Key of the part that a stage makes with a configuration from upstream parts or inputs."""
    return fingerprint("part", stage, version, config, upstream)
