"""The bundle that fine-tuning starts from: pinned in the store by its fingerprint, so that every worker finds it."""

from pathlib import Path

from kws_core.bundle import DESCRIPTION, Bundle, load_bundle, parse_description, unpack_bundle
from kws_core.config import StrategyConfig
from tasks import registry
from tasks.checked_object import read_checked
from tasks.places import Places

KIND = "starting_bundle"
REGISTERED = "models:/"


def pin_starting_bundle(places: Places, strategy: StrategyConfig) -> str:
    """Copy `strategy.bundle`, a folder, `universal` or a registered `models:/name@alias`, to the store.

    Returns its fingerprint, under which it is kept whatever becomes of the folder or the alias; "" for strategies that
    start from no bundle. Raises `BundleError` or `RegistryError` when it cannot be had.
    """
    if not strategy.bundle:
        return ""
    if strategy.bundle.startswith(REGISTERED):
        with registry.downloaded(registry.client(places.tracking_uri), strategy.bundle) as bundle:
            return _keep(places, bundle)
    # here: importing torch costs seconds
    from kws_core.strategies.fine_tune import open_starting_bundle

    return _keep(places, open_starting_bundle(strategy.bundle))


def with_local_bundle(places: Places, strategy: StrategyConfig, key: str) -> StrategyConfig:
    """The strategy with the pinned bundle as a folder on this node; unchanged where it needs none."""
    if not key:
        return strategy
    folder = places.cache / f"bundle-{key[:16]}"
    if not (folder / DESCRIPTION).exists():
        store = places.store()
        description = store.read_object(KIND, key, DESCRIPTION)
        listed = parse_description(description, Path(KIND) / key / DESCRIPTION).files
        made_by = f"objects/{KIND}/{key}/{DESCRIPTION}"
        contents = {name: read_checked(store, KIND, key, name, digest, made_by) for name, digest in listed.items()}
        unpack_bundle(folder, {**contents, DESCRIPTION: description})
    return strategy.model_copy(update={"bundle": str(load_bundle(folder).folder)})


def _keep(places: Places, bundle: Bundle) -> str:
    store, key = places.store(), bundle.fingerprint
    if not store.has_object(KIND, key, DESCRIPTION):
        # the description goes last: it is what makes a bundle complete
        for name in bundle.files:
            store.write_object(KIND, key, name, (bundle.folder / name).read_bytes())
    return key
