"""The deliverable on disk: encoder, centroids, SVM, thresholds and provenance; no pickle anywhere.

encoder.onnx            PCM [batch, 16000] -> embedding [batch, dim], features included
encoder.safetensors     the same weights, for fine-tuning
centroids.safetensors   one per keyword
svm.safetensors         support vectors, dual coefficients, intercepts, gamma
bundle.json             everything else, and the SHA-256 of every file above
"""

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from kws_core.errors import BundleError
from kws_core.fingerprint import fingerprint

DESCRIPTION = "bundle.json"
ENCODER, WEIGHTS, CENTROIDS, SVM = (
    "encoder.onnx",
    "encoder.safetensors",
    "centroids.safetensors",
    "svm.safetensors",
)
FILES = (ENCODER, WEIGHTS, CENTROIDS, SVM)


class OperatingPoint(BaseModel):
    """What the thresholds were calibrated for, and on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    far: float
    non_target_segments: int
    speakers: int


class BundleDescription(BaseModel):
    """The content of `bundle.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["kws-foundry bundle"] = "kws-foundry bundle"
    version: Literal[1] = 1
    name: str
    keywords: tuple[str, ...]
    keyword_durations_s: tuple[float, ...]
    """Median duration of each keyword in training."""
    decision: Literal["centroid", "svm"]
    thresholds: dict[str, tuple[float, ...]]
    """Per back end, one threshold a keyword."""
    operating_point: OperatingPoint
    features: dict[str, Any]
    encoder: dict[str, Any]
    datasets: dict[str, str]
    """Fingerprint of every dataset that it was made from."""
    licences: tuple[str, ...]
    metrics: dict[str, float]
    files: dict[str, str]
    """SHA-256 of every other file."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.keywords:
            raise ValueError("keywords must name at least one keyword")
        if len(self.keyword_durations_s) != len(self.keywords):
            raise ValueError(f"{len(self.keywords)} keywords need as many keyword_durations_s")
        if len(self.thresholds.get(self.decision, ())) != len(self.keywords):
            raise ValueError(f"{len(self.keywords)} keywords need as many thresholds of {self.decision!r}")
        return self


class Bundle:
    """A bundle whose hashes have been checked."""

    def __init__(self, folder: Path, description: BundleDescription) -> None:
        """Hold a checked bundle; use `load_bundle`."""
        self.folder = folder
        self.description = description

    @property
    def encoder_path(self) -> Path:
        """The ONNX encoder."""
        return self.folder / ENCODER

    def tensors(self, name: str) -> dict[str, NDArray[Any]]:
        """Arrays of one of the safetensors files."""
        try:
            tensors: dict[str, NDArray[Any]] = load_tensors((self.folder / name).read_bytes())
        except SafetensorError as error:
            raise BundleError(f"{self.folder / name}: not a safetensors file: {error}") from error
        return tensors

    @property
    def system_fingerprint(self) -> str:
        """Identity of what decides its answers: files, keywords and thresholds, whatever was measured of it."""
        description = self.description
        return fingerprint(description.files, description.keywords, description.thresholds, description.decision)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `bundle.json`, which holds the hashes of all the rest."""
        return hashlib.sha256((self.folder / DESCRIPTION).read_bytes()).hexdigest()


def write_bundle(folder: Path, contents: dict[str, bytes], description: dict[str, Any]) -> Bundle:
    """Write a bundle atomically: a temporary folder is renamed when it is complete.

    Args:
        folder: where it will stand; an older bundle there is replaced.
        contents: bytes of each of `FILES`.
        description: the fields of `BundleDescription` but `files`.
    """
    hashes = {name: hashlib.sha256(contents[name]).hexdigest() for name in FILES}
    described = BundleDescription(**description, files=hashes)
    text = json.dumps(described.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return unpack_bundle(folder, {**contents, DESCRIPTION: text.encode()})


def unpack_bundle(folder: Path, contents: dict[str, bytes]) -> Bundle:
    """Write the bytes of `FILES` and `DESCRIPTION` to a folder atomically, and open it."""
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    try:
        for name in (*FILES, DESCRIPTION):
            (temporary / name).write_bytes(contents[name])
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return load_bundle(folder)


def load_bundle(folder: Path) -> Bundle:
    """Open a bundle; executes nothing from its files.

    Raises:
        BundleError: a file is missing, damaged or not a bundle's.
    """
    path = folder / DESCRIPTION
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        description = BundleDescription.model_validate(document)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: no bundle there ({DESCRIPTION} is missing)") from error
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        what = f"field {field!r} is not a bundle's" if field else "not a bundle's description"
        raise BundleError(f"{path}: {what}: {first['msg']}") from error
    except ValueError as error:
        raise BundleError(f"{path}: not JSON: {error}") from error
    for name in FILES:
        if name not in description.files:
            raise BundleError(f"{path}: the hash of {name} is missing")
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(f"{folder / name}: cannot be read: {error.strerror or error}") from error
        if found != description.files[name]:
            raise BundleError(f"{folder / name}: damaged, its SHA-256 is not the one that {DESCRIPTION} records")
    return Bundle(folder, description)


def tensor_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Arrays as a safetensors file; the same arrays give the same bytes."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    content: bytes = save_tensors(contiguous)
    return content
