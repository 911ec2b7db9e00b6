"""The best configuration trained in full; a killed run goes on from its last epoch."""

from functools import partial
from typing import Any

from kws_core.config import Experiment
from kws_core.fingerprint import fingerprint, sha256
from kws_core.store import Store
from tasks.checked_object import read_checked
from tasks.cluster import cause, connect, largest_node_cpus
from tasks.console import bar, say
from tasks.only_one import check_still_one, only_one
from tasks.places import Places
from tasks.search import KIND as SEARCH
from tasks.search_space import configured, training_spec
from tasks.stage import stage_task
from tasks.starting_bundle import pin_starting_bundle, with_local_bundle
from tasks.train_workers import check_room, train_on_workers
from tasks.training_input import TrainingInput

KIND = "encoder"
VERSION = 3
WEIGHTS, ONNX, CHECKPOINT = "encoder.safetensors", "encoder.onnx", "checkpoint.pt"
POLL_S = 0.5
RETRIES = 3


@stage_task("refit")
def refit(places: Places, experiment: Experiment, given: TrainingInput, search_key: str) -> str:
    """Train the best trial's configuration; returns the key of the encoder's weights and of its document.

    What another run is at is waited for.
    """
    store = places.store()
    best = store.read_document(SEARCH, search_key)["trials"][0]  # type: ignore[index]
    chosen, encoder = configured(experiment, best)
    start = pin_starting_bundle(places, chosen.strategy)
    # of a bundle to start from, what it holds decides, not where it lies
    strategy = chosen.strategy.model_copy(update={"bundle": start})
    key = fingerprint(KIND, VERSION, training_spec(chosen, encoder), strategy, chosen.export, chosen.seed, given)
    effort = ", nothing to compute"
    with only_one(store, "refit", key):
        document = store.read_document(KIND, key)
        if document is None:
            _run(places, chosen, best, given, start, key)
            document, effort = store.read_document(KIND, key) or {}, ""
    delivered = document["delivered"]
    stage = f", {delivered['stage']}" if delivered["stage"] else ""
    eer = f"development EER {delivered['development_eer']:.2%}"
    epochs = f"{len(document['history'])} epochs, {eer} after epoch {delivered['epoch']}{stage}"
    say("refit", f"{encoder.name}, {epochs}{effort}")
    return key


def read_encoder(store: Store, key: str) -> dict[str, bytes]:
    """The files of a refitted encoder by name; raises `StoreError` where one is not what the refit has written."""
    document = store.read_document(KIND, key) or {}
    made_by = f"documents/{KIND}/{key}.json"
    if "files" not in document:  # of a refit before there were hashes
        return {name: store.read_object(KIND, key, name) for name in (ONNX, WEIGHTS)}
    return {name: read_checked(store, KIND, key, name, digest, made_by) for name, digest in document["files"].items()}


def train_encoder(
    places: Places,
    experiment: Experiment,
    best: dict[str, Any],
    given: TrainingInput,
    start: str,
    key: str,
    device: str,
) -> None:
    """Train, export and store one encoder; runs on a Ray worker, or on each of several, of which the first stores."""
    import tempfile
    from pathlib import Path

    import torch

    from kws_core.bundle import tensor_bytes
    from kws_core.onnx_export import export_onnx
    from kws_core.strategies import train
    from kws_core.training import EpochReport
    from kws_core.training.distributed import current_ranks

    store = places.store()
    chosen, encoder_config = configured(experiment, best)
    stores = current_ranks().first

    def keep(report: EpochReport, dump: Any) -> None:
        if stores:
            store.write_object(KIND, key, CHECKPOINT, dump())
            store.write_document("progress", key, report.plain())

    saved = store.read_object(KIND, key, CHECKPOINT) if store.has_object(KIND, key, CHECKPOINT) else None
    result = train(
        given.load(places, chosen),
        training_spec(chosen, encoder_config),
        with_local_bundle(places, chosen.strategy, start),
        chosen.seed,
        keep,
        saved,
        device,
    )
    if not stores:
        return
    encoder = result.encoder.cpu()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ONNX
        export_onnx(encoder, chosen.features, path, chosen.export.weights)
        onnx = path.read_bytes()
    store.write_object(KIND, key, ONNX, onnx)
    precision = torch.float16 if chosen.export.weights == "float16" else torch.float32
    weights = {
        name: (tensor.to(precision) if tensor.is_floating_point() else tensor).detach().numpy()
        for name, tensor in encoder.state_dict().items()
    }
    content = tensor_bytes(weights)
    store.write_object(KIND, key, WEIGHTS, content)
    store.write_document(
        KIND,
        key,
        {
            "history": [report.plain() for report in result.history],
            "delivered": result.delivered.plain(),
            "parameters": sum(parameter.numel() for parameter in encoder.parameters()),
            "encoder": encoder_config.model_dump(mode="json"),
            "files": {ONNX: sha256(onnx), WEIGHTS: sha256(content)},
        },
    )


def _run(
    places: Places, experiment: Experiment, best: dict[str, Any], given: TrainingInput, start: str, key: str
) -> None:
    ray = connect()
    settings = experiment.refit
    gpus = on_gpus(experiment)
    arguments = (places, experiment, best, given, start, key)
    if settings.max_workers > 1:
        check_room(settings, gpus)
        remote = ray.remote(num_cpus=0, max_retries=RETRIES)(train_on_workers)
        train = partial(train_encoder, *arguments)
        running = remote.remote(train, settings, gpus, places.cache / "ray-train", key[:16])
    else:
        cpus = settings.cpus_per_worker or (1 if gpus else largest_node_cpus())
        remote = ray.remote(num_cpus=cpus, num_gpus=int(gpus), max_retries=RETRIES)(train_encoder)
        running = remote.remote(*arguments, "cuda" if gpus else "cpu")
    store = places.store()
    with bar("refit", _epochs(experiment)) as progress:
        shown = 0
        while True:
            done, _ = ray.wait([running], timeout=POLL_S)
            check_still_one()
            shown = _show(store, key, progress, shown)
            if done:
                break
    try:
        ray.get(running)
    except ray.exceptions.RayTaskError as error:
        raise cause(error) from None


def on_gpus(experiment: Experiment) -> bool:
    """Whether workers of the refit have a GPU each."""
    chosen = experiment.refit.gpus_per_worker
    return bool(experiment.search.gpus_per_trial) if chosen is None else bool(chosen)


def _epochs(experiment: Experiment) -> int:
    """The most epochs that the strategy can take."""
    epochs = experiment.training.epochs
    return experiment.strategy.pretraining_epochs + 2 * epochs if experiment.strategy.name == "two_stage" else epochs


def _show(store: Store, key: str, progress: Any, shown: int) -> int:
    report = store.read_document("progress", key)
    if report is not None:
        for _ in range(shown, report["epoch"]):
            progress.advance(f"EER {report['development_eer']:.2%}")
        return int(report["epoch"])
    return shown
