"""The bundle as a registered model version with a run of its own, alias `candidate`."""

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kws_core.bundle import Bundle
from kws_core.config import SAMPLE_RATE_HZ, Experiment
from kws_core.fingerprint import fingerprint
from tasks import registry
from tasks.code_version import code_version
from tasks.console import say
from tasks.link_report import note_run
from tasks.package import fetch_bundle
from tasks.places import Places
from tasks.search_record import SEARCH_TAG
from tasks.stage import stage_task

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

MODEL_CODE = {True: "spotter_model.py", False: "encoder_model.py"}
"""What a registered version runs, with keywords and without."""


@stage_task("register")
def register(places: Places, experiment: Experiment, search_key: str, bundle_key: str) -> str:
    """Register the bundle unless it is already; returns its version. Logged from here, never from trials.

    The version is made last, when all its files are there. What a killed attempt left behind is completed.
    """
    bundle = fetch_bundle(places, bundle_key)
    with registry.told(places.tracking_uri):
        client = registry.client(places.tracking_uri)
        known = registry.version_of_bundle(client, experiment.name, bundle.fingerprint)
        if known is not None:
            _finish(client, experiment.name, str(known.version), known.run_id)
            say("register", f"{experiment.name} version {known.version}, nothing to register")
            return str(known.version)
        tags = _tags(client, experiment, search_key, bundle)
        run_id = _run(client, places, experiment, tags, bundle)
        version = _version(client, run_id, experiment, tags, bundle)
        _finish(client, experiment.name, version, run_id)
    say("register", f"{experiment.name} version {version}, alias {registry.CANDIDATE}")
    return version


def model_code(name: str) -> bytes:
    """The code of `MODEL_CODE` as this release has it."""
    return Path(__file__).with_name(name).read_bytes()


def log_model(run_id: str, bundle: Bundle) -> str:
    """Log a bundle to a run of the current tracking store, as a model that MLflow can serve; returns the id."""
    import mlflow
    import numpy as np

    from tasks import encoder_model, spotter_model  # noqa: F401 - their files are logged; importing proves that they run

    spots = bool(bundle.description.keywords)
    code = MODEL_CODE[spots]
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        mlflow.start_run(run_id=run_id),
    ):
        # relative paths: MLflow writes the paths it is given into the model
        shutil.copytree(bundle.folder, "bundle")
        Path(code).write_bytes(model_code(code))
        logged = mlflow.pyfunc.log_model(
            name="spotter" if spots else "encoder",
            python_model=code,
            artifacts={"bundle": "bundle"},
            signature=_signature(bundle),
            input_example=np.zeros((1, SAMPLE_RATE_HZ), np.float32),
            pip_requirements=["kws-foundry", "mlflow", "pandas"],
        )
        mlflow.log_metrics(bundle.description.metrics, model_id=logged.model_id)
    return str(logged.model_id)


def _finish(client: "MlflowClient", name: str, version: str, run_id: str) -> None:
    """The alias `candidate`, unless the version has gone further, and the end of the run."""
    found = client.get_model_version(name, version)
    if not found.aliases and registry.CHECKS_TAG not in found.tags:
        client.set_registered_model_alias(name, registry.CANDIDATE, version)
    run = client.get_run(run_id).info
    note_run(client, run.experiment_id, run_id)
    if run.status != "FINISHED":
        client.set_terminated(run_id)


def _tags(client: "MlflowClient", experiment: Experiment, search_key: str, bundle: Bundle) -> dict[str, str]:
    """What a version and its run say of where it comes from."""
    description = bundle.description
    found = client.get_experiment_by_name(experiment.name)
    wanted = f"tags.`{SEARCH_TAG}` = '{search_key}' AND tags.`kws.kind` = 'search'"
    parents = client.search_runs([found.experiment_id], wanted) if found is not None else []
    return {
        registry.BUNDLE_TAG: bundle.fingerprint,
        SEARCH_TAG: search_key,
        "kws.keywords": ", ".join(description.keywords),
        "kws.start": experiment.strategy.bundle or "fresh weights",
        "kws.licences": "; ".join(description.licences),
        "kws.code": code_version(),
        "kws.preset": experiment.name,
        "kws.experiment": fingerprint(experiment),
        **({"kws.parent_run": parents[0].info.run_id} if parents else {}),
        **{f"kws.dataset.{name}": key for name, key in description.datasets.items()},
    }


def _run(client: "MlflowClient", places: Places, experiment: Experiment, tags: dict[str, str], bundle: Bundle) -> str:
    """The run of this bundle; one that a killed attempt left behind is taken up again."""
    experiment_id = registry.experiment_id(client, places, experiment.name)
    runs = client.search_runs([experiment_id], f"tags.`{registry.BUNDLE_TAG}` = '{bundle.fingerprint}'")
    name = f"retrain-{bundle.fingerprint[:8]}"
    run = runs[0] if runs else client.create_run(experiment_id, tags=tags, run_name=name)
    run_id = str(run.info.run_id)
    # again, where an attempt was killed: the same values change nothing
    client.log_dict(run_id, experiment.model_dump(mode="json"), "experiment.json")
    parameters = {**bundle.description.encoder, "decision": bundle.description.decision, "seed": experiment.seed}
    for parameter, value in parameters.items():
        if parameter not in run.data.params:
            client.log_param(run_id, parameter, value)
    for metric, value in bundle.description.metrics.items():
        if metric not in run.data.metrics:
            client.log_metric(run_id, metric, value)
    return run_id


def _version(client: "MlflowClient", run_id: str, experiment: Experiment, tags: dict[str, str], bundle: Bundle) -> str:
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):  # it is there
        client.create_registered_model(experiment.name)
    model_id = _logged_model(client, run_id) or log_model(run_id, bundle)
    # a server refuses the address of a model without its id
    version = client.create_model_version(experiment.name, f"models:/{model_id}", run_id, tags=tags, model_id=model_id)
    return str(version.version)


def _logged_model(client: "MlflowClient", run_id: str) -> str | None:
    """The model that a killed attempt logged to the run; what it left half there is removed."""
    run = client.get_run(run_id)
    found = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run_id}'")
    whole = [model for model in found if str(model.status) == "READY"]
    for model in found:
        if model not in whole:
            client.delete_logged_model(model.model_id)
    return str(whole[0].model_id) if whole else None


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
