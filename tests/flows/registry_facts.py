"""What the registry holds, as JSON: `python registry_facts.py TRACKING_URI NAME [PCM.npy]`.

In a process of its own, because MLflow warns and keeps global state.
"""

import json
import sys
from typing import Any

from flows.quiet import quieten

quieten()

import mlflow  # noqa: E402 - telemetry is off before MLflow is imported
import numpy as np  # noqa: E402


def facts(tracking_uri: str, name: str) -> dict[str, Any]:
    """Versions, aliases and runs of a registered model."""
    client = mlflow.MlflowClient(tracking_uri, tracking_uri)
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    return {
        "versions": {
            str(version.version): {"tags": version.tags, "run": version.run_id}
            for version in client.search_model_versions(f"name='{name}'")
        },
        # MLflow 3.17 gives numbers from sqlite and text from a server
        "aliases": {alias: str(number) for alias, number in client.get_registered_model(name).aliases.items()},
        "runs": {
            run.info.run_id: {
                "tags": run.data.tags,
                "params": run.data.params,
                "metrics": run.data.metrics,
                "status": run.info.status,
                "artifacts": [entry.path for entry in client.list_artifacts(run.info.run_id)],
            }
            for run in runs
        },
    }


def predictions(tracking_uri: str, name: str, pcm: str) -> dict[str, Any]:
    """Answers of the champion, served as a pyfunc, to windows `[batch, 16000]` and to input that it must refuse."""
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    windows = np.load(pcm)
    refusals = {}
    for case, wrong in {"shape": windows[:, :8000], "float64": windows.astype(np.float64)}.items():
        try:
            model.predict(wrong)
        except mlflow.exceptions.MlflowException as error:
            refusals[case] = error.message
    return {"rows": model.predict(windows).to_dict("records"), "refusals": refusals}


if __name__ == "__main__":
    result = facts(*sys.argv[1:3])
    if len(sys.argv) > 3:
        result |= predictions(*sys.argv[1:4])
    print(json.dumps(result))
