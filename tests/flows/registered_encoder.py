"""Embeddings by the champion, served as a pyfunc: `python registered_encoder.py TRACKING_URI NAME PCM.npy`."""

import json
import sys

from flows.quiet import quieten

quieten()

import mlflow  # noqa: E402 - telemetry is off before MLflow is imported
import numpy as np  # noqa: E402

if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_registry_uri(sys.argv[1])
    model = mlflow.pyfunc.load_model(f"models:/{sys.argv[2]}@champion")
    print(json.dumps(model.predict(np.load(sys.argv[3])).tolist()))
