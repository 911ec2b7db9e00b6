"""The bundle as a registered model version with a run of its own, alias `challenger`."""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kws_core.bundle import Bundle
from kws_core.config import SAMPLE_RATE_HZ, Experiment
from tasks import registry
from tasks.console import say
from tasks.package import fetch_bundle
from tasks.places import Places
from tasks.search_record import SEARCH_TAG
from tasks.stage import stage_task

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature


@stage_task("register")
def register(places: Places, experiment: Experiment, search_key: str, bundle_key: str) -> str:
    """Register the bundle unless it is already; returns its version. Logged from here, never from trials."""
    bundle = fetch_bundle(places, bundle_key)
    client = registry.client(places.tracking_uri)
    known = registry.version_of_bundle(client, experiment.name, bundle.fingerprint)
    if known is not None:
        _finish(client, experiment.name, known.version, known.run_id)  # a killed attempt may have stopped just before
        say("register", f"{experiment.name} version {known.version}, nothing to register")
        return str(known.version)
    run_id = _run(client, places, experiment, search_key, bundle)
    version = _log_model(client, run_id, experiment, bundle)
    _finish(client, experiment.name, version, run_id)
    say("register", f"{experiment.name} version {version}, alias {registry.CHALLENGER}")
    return version


def _finish(client: "MlflowClient", name: str, version: str, run_id: str) -> None:
    client.set_registered_model_alias(name, registry.CHALLENGER, version)
    if client.get_run(run_id).info.status != "FINISHED":
        client.set_terminated(run_id)


def _run(client: "MlflowClient", places: Places, experiment: Experiment, search_key: str, bundle: Bundle) -> str:
    """The run of this bundle; one that a killed attempt left behind is taken up again."""
    experiment_id = registry.experiment_id(client, places, experiment.name)
    runs = client.search_runs([experiment_id], f"tags.`{registry.BUNDLE_TAG}` = '{bundle.fingerprint}'")
    if runs:
        return str(runs[0].info.run_id)
    description = bundle.description
    tags = {
        registry.BUNDLE_TAG: bundle.fingerprint,
        SEARCH_TAG: search_key,
        "kws.keywords": ", ".join(description.keywords),
        "kws.start": experiment.strategy.bundle or "fresh weights",
        "kws.licences": "; ".join(description.licences),
        **{f"kws.dataset.{name}": key for name, key in description.datasets.items()},
    }
    run_id = str(client.create_run(experiment_id, tags=tags, run_name=f"retrain-{bundle.fingerprint[:8]}").info.run_id)
    client.log_dict(run_id, experiment.model_dump(mode="json"), "experiment.json")
    for name, value in {**description.encoder, "decision": description.decision, "seed": experiment.seed}.items():
        client.log_param(run_id, name, value)
    for name, value in description.metrics.items():
        client.log_metric(run_id, name, value)
    return run_id


def _log_model(client: "MlflowClient", run_id: str, experiment: Experiment, bundle: Bundle) -> str:
    import mlflow
    import numpy as np

    from tasks import encoder_model, spotter_model  # noqa: F401 - their files are logged; importing proves that they run

    spots = bool(bundle.description.keywords)
    code = "spotter_model.py" if spots else "encoder_model.py"
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mlflow.start_run(run_id=run_id),
    ):
        # relative paths: MLflow writes the paths it is given into the model
        shutil.copytree(bundle.folder, "bundle")
        shutil.copy(Path(__file__).with_name(code), code)
        logged = mlflow.pyfunc.log_model(
            name="spotter" if spots else "encoder",
            python_model=code,
            artifacts={"bundle": "bundle"},
            signature=_signature(bundle),
            input_example=np.zeros((1, SAMPLE_RATE_HZ), np.float32),
            pip_requirements=["kws-foundry", "mlflow", "pandas"],
        )
    with contextlib.suppress(mlflow.exceptions.MlflowException):
        client.create_registered_model(experiment.name)
    tags = {registry.BUNDLE_TAG: bundle.fingerprint}
    # a server refuses the address of a model without its id
    version = client.create_model_version(
        experiment.name, logged.model_uri, run_id, tags=tags, model_id=logged.model_id
    )
    return str(version.version)


def _signature(bundle: Bundle) -> "ModelSignature":
    """PCM to keyword, score and accepted; to an embedding where there are no keywords."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    # no name: MLflow hands named tensors to the model as a dictionary
    inputs = Schema([TensorSpec(np.dtype(np.float32), (-1, SAMPLE_RATE_HZ))])
    if not bundle.description.keywords:
        dim = bundle.description.encoder["embedding_dim"]
        return ModelSignature(inputs, Schema([TensorSpec(np.dtype(np.float32), (-1, dim))]))
    answers = {"keyword": DataType.string, "score": DataType.double, "accepted": DataType.boolean}
    return ModelSignature(inputs, Schema([ColSpec(kind, name) for name, kind in answers.items()]))
