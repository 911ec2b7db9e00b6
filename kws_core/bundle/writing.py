"""A bundle written whole or not at all."""

import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as save_tensors

from kws_core.bundle.description import DESCRIPTION, BundleDescription, parse_description
from kws_core.bundle.reading import Bundle, load_bundle
from kws_core.errors import BundleError


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
    optional = {"operating_point", "enrolled", "score_normalisation", "score_calibration"}
    absent = optional - {name for name, value in described if value}
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


def tensor_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Arrays as a safetensors file; the same arrays give the same bytes."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    content: bytes = save_tensors(contiguous)
    return content
