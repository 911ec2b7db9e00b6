"""An encoder bundle as an MLflow model ("models from code"): this file is what a registered version runs."""

from typing import Any

import mlflow
import numpy as np

from kws_core.bundle import load_bundle
from kws_core.onnx_encoder import OnnxEncoder


class EncoderModel(mlflow.pyfunc.PythonModel):
    """PCM windows to embeddings."""

    def load_context(self, context: Any) -> None:
        """Open the bundle among the artifacts; its hashes are checked."""
        from pathlib import Path

        self._encoder = OnnxEncoder(load_bundle(Path(context.artifacts["bundle"])).encoder_path.read_bytes())

    # of all type hints, MLflow takes a bare array for "see the registered signature"
    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> np.ndarray:
        """Embed windows `[batch, 16000]`, float32, full scale 1: `[batch, dim]`, L2-normalised."""
        return self._encoder.embed(np.asarray(model_input, np.float32))


mlflow.models.set_model(EncoderModel())
