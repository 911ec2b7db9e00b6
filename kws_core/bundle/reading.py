"""A bundle that lies on disk: its hashes are checked once, then its files are opened as they are asked for."""

import hashlib
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from kws_core.backends.backend import Backend
from kws_core.backends.table import BACKENDS
from kws_core.backends.transforms import LogisticLines, transformed
from kws_core.bundle.description import COHORT, DESCRIPTION, ENCODER, BundleDescription, parse_description
from kws_core.cohort import Cohort
from kws_core.errors import BundleError, EvaluationError
from kws_core.fingerprint import fingerprint


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
        """One of the back ends that it has thresholds of, as it scores: normalised and calibrated where it is.

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
            backend = entry.backend.from_arrays(description.keywords, arrays)
        except BundleError as error:
            raise BundleError(f"{self.folder / entry.file}: {error}") from error
        lines = {
            calibrated: LogisticLines(found.slopes, found.offsets)
            for calibrated, found in description.score_calibration.items()
        }
        normalisation = description.score_normalisation if name == "centroid" else None
        if normalisation is None:
            return transformed(name, backend, None, None, lines)
        try:
            return transformed(name, backend, self.cohort().embeddings, normalisation.top, lines)
        except EvaluationError as error:
            raise BundleError(f"{self.folder / COHORT}: {error}") from error

    def cohort(self) -> Cohort:
        """Its cohort; raises `BundleError` when it has none, or the file is not a cohort's."""
        if COHORT not in self.description.files:
            raise BundleError(f"{self.folder}: it has no cohort ({COHORT})")
        try:
            return Cohort.from_arrays(self.tensors(COHORT))
        except BundleError as error:
            raise BundleError(f"{self.folder / COHORT}: {error}") from error

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
        content: list[Any] = [description.files, description.keywords, description.thresholds, description.decision]
        if description.score_normalisation or description.score_calibration:
            content += [description.score_normalisation, description.score_calibration]
        return fingerprint(*content)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `bundle.json`, which holds the hashes of all the rest."""
        return hashlib.sha256((self.folder / DESCRIPTION).read_bytes()).hexdigest()


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
