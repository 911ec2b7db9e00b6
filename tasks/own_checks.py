"""A candidate's own checks: it is whole, it loads from the registry, and it answers as its bundle does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kws_core.bundle import Bundle
from kws_core.errors import BundleError, RegistryError
from kws_core.gate import Check
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.spotter import Spotter
from tasks import registry
from tasks.register import MODEL_CODE, model_code

if TYPE_CHECKING:
    from mlflow import MlflowClient

TOLERANCE = 1e-5
WHOLE, LOADS, ANSWERS = "hashes of the registered files", "loads from the registry", "answers of the registered version"


def check_registered(
    client: "MlflowClient", name: str, version: str, bundle: Bundle, windows: NDArray[np.float32]
) -> tuple[Check, ...]:
    """Fetch a version and compare it with the bundle that it was made from, on `windows [n, 16000]`, full scale 1.

    Raises:
        RegistryError: it cannot be fetched.
    """
    address = f"models:/{name}/{version}"
    with registry.downloaded_model(client, address) as folder:
        try:
            found = registry.checked_bundle(folder, address, bundle.fingerprint)
            _check_code(folder, address, found)
        except (BundleError, RegistryError) as error:
            return (Check(WHOLE, "failed", rule=str(error), unit=""),)
        whole = Check(
            WHOLE, "passed", rule=f"{len(found.files)} files of the bundle {bundle.fingerprint[:12]}", unit=""
        )
        try:
            answers = _answers(folder, windows)
        except Exception as error:
            why = " ".join(str(error).split())[:300]
            return (whole, Check(LOADS, "failed", rule=f"{type(error).__name__}: {why}", unit=""))
    return (whole, Check(LOADS, "passed", unit=""), _same(bundle, answers, windows))


def _check_code(folder: Path, address: str, bundle: Bundle) -> None:
    """Before it is run: the code is ours to the byte, and there is nothing else that could be run."""
    expected = MODEL_CODE[bool(bundle.description.keywords)]
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    pickles = sorted(path.name for path in folder.rglob("*.pkl"))
    if found != [expected] or pickles or (folder / expected).read_bytes() != model_code(expected):
        has = ", ".join([*found, *pickles]) or "of nobody"
        raise RegistryError(f"{address} has the code {has}, not the {expected} of this release: it is not ours")


def _answers(folder: Path, windows: NDArray[np.float32]) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(folder)).predict(windows)


def _same(bundle: Bundle, answers: Any, windows: NDArray[np.float32]) -> Check:
    """Whether the answers are those of the bundle itself."""
    if bundle.description.keywords:
        expected = Spotter(bundle).classify(windows)
        decided = [(answer.keyword, answer.accepted) for answer in expected]
        same = list(zip(answers["keyword"], answers["accepted"], strict=True)) == decided
        apart = float(np.abs(np.array([answer.score for answer in expected]) - answers["score"].to_numpy()).max())
    else:
        same, apart = True, float(np.abs(OnnxEncoder(bundle.encoder_path).embed(windows) - answers).max())
    return Check(
        ANSWERS,
        "passed" if same and apart <= TOLERANCE else "failed",
        apart,
        limit=TOLERANCE,
        rule=f"apart from those of the bundle on {len(windows)} windows; at most {TOLERANCE:g} passes",
        unit="",
    )
