"""A person's own decision to put a version into service."""

from typing import TYPE_CHECKING, Any

from kws_core.errors import RegistryError
from tasks import registry
from tasks.decisions import Document, decisions
from tasks.move import decide_under_lock, finish_moves, to_champion

if TYPE_CHECKING:
    from mlflow import MlflowClient

BY_HAND = "by hand"


def promote_by_hand(client: "MlflowClient", name: str, version: str, reason: str, force: bool = False) -> Document:
    """Make a version champion; it must be a bundle of ours that is whole, whatever is forced.

    Raises:
        RegistryError: there is no such version, it is champion already, or it failed its checks or the gate, or never
            went through them, and that is not overruled by `force`.
        BundleError: what is registered is damaged or not ours.
    """
    if not reason.strip():
        raise RegistryError("a promotion by hand needs a reason, such as --reason 'fewer misses in the field'")
    registry.registered_version(client, name, version)
    for document in finish_moves(client, name):
        if (document["kind"], document["model_version"]) == (BY_HAND, version):
            return document  # this very command, killed before
    found = registry.registered_version(client, name, version)
    address = f"models:/{name}/{version}"
    with registry.downloaded_model(client, address) as folder:
        registry.checked_bundle(folder, address, found.tags.get(registry.BUNDLE_TAG, ""))
    failed = failed_checks(found)
    if failed and not force:
        raise RegistryError(f"{name} version {version} {failed}; --force promotes it all the same, and is recorded")

    def decide(now: dict[str, str]) -> dict[str, Any]:
        if now.get(registry.CHAMPION) == version:
            raise RegistryError(f"{name} version {version} is champion already")
        overruled = {"forced": True, "overruled": failed} if failed else {"forced": False}
        aliases = {**to_champion(version, now), registry.CANDIDATE: None}
        return {"kind": BY_HAND, "aliases": aliases, "reason": reason.strip(), **overruled}

    return decide_under_lock(client, name, version, decide)


def failed_checks(version: Any) -> str:
    """What speaks against a version, in words that follow its name; empty where nothing does."""
    made = [document for document in decisions([version]) if "checks" in document]
    if not made:
        return "has not been through its own checks, which kws retrain makes"
    last = {document["kind"]: document for document in made}
    for document in last.values():
        for check in document["checks"]:
            if check["verdict"] == "failed":
                return f"failed its checks ({document['kind']}): {document['reason']}"
    return ""
