"""What the registry needs of a store, and garbage collection with that in mind."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from kws_core import corpora
from kws_core import pairs as pairs_stage
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.garbage import Found, Garbage, Registered, delete_garbage, find_garbage
from kws_core.store import Store
from kws_core.streaming import STAGE as BUCKETS
from tasks import featurise, registry

if TYPE_CHECKING:
    from mlflow import MlflowClient

DAY_S = 86_400.0
DATASET_TAG = "kws.dataset."
STAGES = {
    "segments": segments_stage.STAGE,
    "features": featurise.STAGE,
    "selection": selection_stage.STAGE,
    "pairs": pairs_stage.STAGE,
    "noise": corpora.STAGE,
    "buckets": BUCKETS,
}
"""The stage of each dataset that a version is tagged with."""


def registered(client: "MlflowClient") -> Registered:
    """Bundles and datasets of every version of every model, whatever alias it has or has not."""
    bundles = set[str]()
    datasets = defaultdict[str, set[str]](set)
    for version in _all_versions(client):
        bundle = version.tags.get(registry.BUNDLE_TAG)
        if not bundle:
            continue
        bundles.add(bundle)
        for tag, dataset in version.tags.items():
            stage = STAGES.get(tag.removeprefix(DATASET_TAG)) if tag.startswith(DATASET_TAG) else None
            if stage and dataset:
                datasets[bundle].add(f"{stage}/{dataset}")
    return Registered(frozenset(bundles), {bundle: frozenset(found) for bundle, found in datasets.items()})


def collect(store: Store, client: "MlflowClient", keep_days: float, delete: bool) -> tuple[Found, list[Garbage]]:
    """Find the garbage of a store and, where asked to, delete it; returns what was found and what is gone."""
    found = find_garbage(store, registered(client), keep_days * DAY_S)
    return found, delete_garbage(store, found) if delete else []


def _all_versions(client: "MlflowClient") -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = client.search_model_versions(page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found
