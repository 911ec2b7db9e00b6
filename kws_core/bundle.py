"""The deliverable on disk: encoder, back ends, thresholds, cohort and provenance; no pickle anywhere.

encoder.onnx            PCM [batch, 16000] -> embedding [batch, dim], features included
encoder.safetensors     the same weights, for fine-tuning
centroids.safetensors   one per keyword, and one of the non-targets
svm.safetensors         support vectors, dual coefficients, intercepts, gamma
softmax.safetensors     weight and bias of a linear classifier, the keywords' classes first
cohort.safetensors      embeddings of other words and background, for words enrolled later
bundle.json             everything else, and the SHA-256 of every file that the bundle has

A bundle without keywords is an encoder bundle: it has a cohort and no back end. One with keywords has the file of every
back end that it has thresholds of, and may have a cohort.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from kws_core.backends.backend import Backend
from kws_core.backends.table import BACKENDS, BackendName
from kws_core.errors import BundleError
from kws_core.fingerprint import fingerprint

DESCRIPTION = "bundle.json"
ENCODER, WEIGHTS, COHORT = "encoder.onnx", "encoder.safetensors", "cohort.safetensors"
BACKEND_FILES = {name: entry.file for name, entry in BACKENDS.items()}
CENTROIDS, SVM, SOFTMAX = (BACKEND_FILES[name] for name in ("centroid", "svm", "softmax"))
FILES = (ENCODER, WEIGHTS, *BACKEND_FILES.values(), COHORT)
"""Every file that a bundle may have beside its description."""


class OperatingPoint(BaseModel):
    """What the thresholds were calibrated for, and on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    far: float
    non_target_segments: int
    speakers: int


class EnrolledKeyword(BaseModel):
    """Where a keyword that was added by example comes from, and what its threshold was calibrated for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    examples: tuple[str, ...]
    """SHA-256 of the samples of each recording."""
    least_cosine: float | None
    """The least cosine of an example to the mean of the others; None where there is one example."""
    operating_point: OperatingPoint


class BundleDescription(BaseModel):
    """The content of `bundle.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["kws-foundry bundle"] = "kws-foundry bundle"
    version: Literal[1] = 1
    name: str
    keywords: tuple[str, ...]
    keyword_durations_s: tuple[float, ...]
    """Median duration of each keyword in training."""
    decision: BackendName
    thresholds: dict[str, tuple[float, ...]]
    """Per back end, one threshold a keyword."""
    operating_point: OperatingPoint | None = None
    """Of the keywords that were trained; None when all were enrolled or there are none."""
    enrolled: dict[str, EnrolledKeyword] = {}
    """The keywords that were added by example."""
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
        if len(self.keyword_durations_s) != len(self.keywords):
            raise ValueError(f"{len(self.keywords)} keywords need as many keyword_durations_s")
        unknown = sorted(set(self.thresholds) - set(BACKEND_FILES))
        if unknown:
            raise ValueError(f"there are thresholds of {unknown[0]!r}; the back ends are {', '.join(BACKEND_FILES)}")
        for backend in sorted({*self.thresholds, self.decision}):
            if len(self.thresholds.get(backend, ())) != len(self.keywords):
                raise ValueError(f"{len(self.keywords)} keywords need as many thresholds of {backend!r}")
        strangers = sorted(set(self.enrolled) - set(self.keywords))
        if strangers:
            raise ValueError(f"{strangers[0]!r} is enrolled but is no keyword")
        if self.operating_point is None and set(self.keywords) - set(self.enrolled):
            raise ValueError("keywords that were trained need an operating_point")
        self._check_files()
        return self

    def _check_files(self) -> None:
        foreign = sorted(set(self.files) - set(FILES))
        if foreign:
            raise ValueError(f"{foreign[0]!r} is no file of a bundle; {', '.join(FILES)} are accepted")
        needed = [ENCODER, WEIGHTS]
        needed += [BACKEND_FILES[backend] for backend in self.thresholds] if self.keywords else [COHORT]
        for name in needed:
            if name not in self.files:
                raise ValueError(f"the hash of {name} is missing")


class Bundle:
    """A bundle whose hashes have been checked."""

    def __init__(self, folder: Path, description: BundleDescription) -> None:
        """Hold a checked bundle; use `load_bundle`."""
        self.folder = folder
        self.description = description

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that it has, the description included."""
        return (*self.description.files, DESCRIPTION)

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

    def backend(self, name: str) -> Backend:
        """One of the back ends that it has thresholds of, opened from its file.

        Raises:
            BundleError: it has no such back end, or the arrays of its file do not fit the keywords.
        """
        description = self.description
        if name not in description.thresholds:
            has = ", ".join(description.thresholds) or "none"
            raise BundleError(f"{self.folder}: no back end {name!r}; it has {has}")
        entry = BACKENDS[name]
        arrays = self.tensors(entry.file)
        try:
            return entry.backend.from_arrays(description.keywords, arrays)
        except BundleError as error:
            raise BundleError(f"{self.folder / entry.file}: {error}") from error

    def backends(self) -> dict[str, Backend]:
        """Every back end that it has thresholds of, in the order of `BACKENDS`; none of an encoder bundle.

        Raises:
            BundleError: the arrays of a file do not fit the keywords.
        """
        return {name: self.backend(name) for name in BACKENDS if name in self.description.thresholds}

    @property
    def system_fingerprint(self) -> str:
        """Identity of what decides its answers: files, keywords and thresholds, whatever was measured of it."""
        description = self.description
        return fingerprint(description.files, description.keywords, description.thresholds, description.decision)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `bundle.json`, which holds the hashes of all the rest."""
        return hashlib.sha256((self.folder / DESCRIPTION).read_bytes()).hexdigest()


def write_bundle(folder: Path, contents: Mapping[str, bytes], description: Mapping[str, Any]) -> Bundle:
    """Write a bundle atomically: a temporary folder is renamed when it is complete.

    Args:
        folder: where it will stand; an older bundle there is replaced.
        contents: bytes of each file, by names of `FILES`.
        description: the fields of `BundleDescription` but `files`.
    """
    hashes = {name: hashlib.sha256(contents[name]).hexdigest() for name in sorted(contents)}
    described = BundleDescription(**description, files=hashes)
    # what is absent is left out: a bundle without new fields has the bytes that it always had
    absent = {"operating_point", "enrolled"} - {name for name, value in described if value}
    document = described.model_dump(mode="json", exclude=absent)
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return unpack_bundle(folder, {**contents, DESCRIPTION: text.encode()})


def unpack_bundle(folder: Path, contents: Mapping[str, bytes]) -> Bundle:
    """Write the bytes of `DESCRIPTION` and of the files that it lists to a folder atomically, and open it.

    Raises:
        BundleError: the folder cannot be written, or the bytes are not a bundle's.
        KeyError: a listed file is not among the contents.
    """
    listed = parse_description(contents[DESCRIPTION], folder / DESCRIPTION).files
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    try:
        temporary.mkdir(parents=True)
        for name in (*listed, DESCRIPTION):
            (temporary / name).write_bytes(contents[name])
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise BundleError(f"{folder}: cannot be written: {error.strerror or error}") from error
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
        description = parse_description(path.read_bytes(), path)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: no bundle there ({DESCRIPTION} is missing)") from error
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}") from error
    for name, expected in description.files.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BundleError(f"{folder / name}: cannot be read: {error.strerror or error}") from error
        if found != expected:
            raise BundleError(f"{folder / name}: damaged, its SHA-256 is not the one that {DESCRIPTION} records")
    return Bundle(folder, description)


def parse_description(content: bytes, path: Path) -> BundleDescription:
    """The content of a `bundle.json`; `path` is what an error calls it.

    Raises:
        BundleError: it is not a bundle's description.
    """
    try:
        return BundleDescription.model_validate(json.loads(content.decode("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        what = f"field {field!r} is not a bundle's" if field else "not a bundle's description"
        raise BundleError(f"{path}: {what}: {first['msg']}") from error
    except ValueError as error:
        raise BundleError(f"{path}: not JSON: {error}") from error


def tensor_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Arrays as a safetensors file; the same arrays give the same bytes."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    content: bytes = save_tensors(contiguous)
    return content
