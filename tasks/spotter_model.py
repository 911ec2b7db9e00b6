"""The bundle as an MLflow model ("models from code"): this file is what a registered version runs."""

from typing import Any

import mlflow
import numpy as np
import pandas as pd

from kws_core.spotter import Spotter


class SpotterModel(mlflow.pyfunc.PythonModel):
    """PCM windows to keyword, score and accepted."""

    def load_context(self, context: Any) -> None:
        """Open the bundle among the artifacts; its hashes are checked."""
        self._spotter = Spotter.load(context.artifacts["bundle"])

    # of all type hints, MLflow takes a bare array for "see the registered signature"
    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify windows `[batch, 16000]`, float32, full scale 1: one row a window."""
        answers = self._spotter.classify(np.asarray(model_input, np.float32))
        return pd.DataFrame(
            {
                "keyword": [answer.keyword for answer in answers],
                "score": [answer.score for answer in answers],
                "accepted": [answer.accepted for answer in answers],
            }
        )


mlflow.models.set_model(SpotterModel())
