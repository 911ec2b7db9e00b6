"""What a store holds that nothing needs, found and deleted while runs go on.

Needed are, whatever their age: parts that a manifest or a claim lists (all stages together, as parts that lie beside
others have their keys), all manifests, drops and documents of results, and of the other files the bundles of registered
versions with their encoders. All that is younger than a limit is left alone, and so is every folder that is not named
here. What may go, once it is old:

    parts       that no manifest and no claim lists, and what killed writes left
    encoders    checkpoints of finished refits; refits that were given up or are in no registered bundle
    bundles     that are no registered version
    searches    trials of a search that was given up
    leases      of processes that were killed
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kws_core import lease, part_claims
from kws_core.errors import StoreError
from kws_core.files import Details
from kws_core.fingerprint import sha256
from kws_core.manifest import Manifest
from kws_core.store import Store

BATCH = 500
"""Parts that are deleted between two looks at what runs have claimed meanwhile."""
CLOCK = "clock"
DESCRIPTION, ONNX, WEIGHTS, CHECKPOINT = "bundle.json", "encoder.onnx", "encoder.safetensors", "checkpoint.pt"
BUNDLES = ("bundle", "starting_bundle")
ENCODER_DOCUMENTS = "documents/encoder"

Listing = dict[str, Details]


@dataclass(frozen=True)
class Registered:
    """What a registry has versions of."""

    bundles: frozenset[str]
    """Fingerprints of bundles."""
    datasets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By bundle, the datasets that it was made from, as `stage/fingerprint`."""


@dataclass(frozen=True)
class Garbage:
    """Objects of one part, encoder, bundle or search, in the order in which they are deleted."""

    kind: str
    """The stage of a part; `encoder`, `bundle`, `search` and so on."""
    key: str
    names: tuple[str, ...]
    """The one that says that the rest is complete comes first."""
    size_bytes: int
    is_part: bool = False


@dataclass(frozen=True)
class Found:
    """The garbage of a store, and what was left alone though it may be some."""

    garbage: tuple[Garbage, ...]
    kept_young: int
    """Parts and other groups that nothing lists but that are younger than the limit."""
    unaccounted: tuple[str, ...]
    """Stages of which a registered version's manifest is missing, so that its parts cannot be told: left alone."""
    seen: frozenset[str]
    """Manifests and claims that were read."""


def find_garbage(store: Store, registered: Registered, keep_s: float) -> Found:
    """Look through a store; nothing is changed but for one object that tells the store's time.

    Ages are by the store's own clock.

    Raises:
        StoreError: the store cannot be read, a manifest in it is damaged, or it has bundles of which none is
            registered: then the registry is another store's.
    """
    limit_s = _now_s(store) - keep_s
    # parts are listed first: one that is made from here on is not among them
    parts = store.files.details("parts")
    seen, needed = _listed_keys(store, ())
    bundles = _bundles(store)
    ours = {key: names for key, (digest, names) in bundles.items() if digest in registered.bundles}
    if any(key.startswith("bundle/") for key in bundles) and not ours:
        raise StoreError(
            f"none of the bundles in {store.url} is a version in this registry: name the registry of the retrains that "
            "use this store"
        )
    unaccounted = _unaccounted(seen, registered, {digest for digest, _ in bundles.values()})
    groups = [
        group
        for group in _part_groups(parts)
        if group.kind not in unaccounted and (group.key not in needed or _is_temporary(group))
    ]
    details = {**parts}
    for folder in ("objects", "searches", part_claims.FOLDER, lease.FOLDER):
        details |= store.files.details(folder)
    documents = store.files.details("documents/progress") | store.files.details(ENCODER_DOCUMENTS)
    details |= documents
    groups += _encoder_groups(store, details, documents, set().union(*ours.values()) if ours else set(), limit_s)
    groups += [
        _group(kind.replace("_", " "), key, names, details, first=DESCRIPTION)
        for kind in BUNDLES
        for key, names in _by_key(details, f"objects/{kind}/").items()
        if f"{kind}/{key}" not in ours
    ]
    groups += [_group("search", key, names, details) for key, names in _by_key(details, "searches/").items()]
    # the beat of one that lives is young
    groups += [_group("lease", work, names, details) for work, names in _by_key(details, f"{lease.FOLDER}/").items()]
    groups += [_group("claim", name, [name], details) for name in details if name.startswith(part_claims.FOLDER + "/")]
    old = [group for group in groups if max(details[name].modified_s for name in group.names) < limit_s]
    return Found(tuple(old), len(groups) - len(old), tuple(sorted(unaccounted)), seen)


def delete_garbage(store: Store, found: Found) -> list[Garbage]:
    """Delete what was found, but for parts that a run has claimed meanwhile; returns what is gone.

    The description of a part goes first. A run that claimed the part before that is then seen, and the part is whole
    again; one that claims it later finds no part, and makes it.
    """
    gone = list[Garbage]()
    parts = [garbage for garbage in found.garbage if garbage.is_part]
    seen = found.seen
    for start in range(0, len(parts), BATCH):
        batch = parts[start : start + BATCH]
        described = [garbage.names[0] for garbage in batch if garbage.names[0].endswith(".json")]
        contents = dict(zip(described, store.files.read_many(described), strict=True))
        store.files.remove(described)
        newer, claimed = _listed_keys(store, seen)
        seen |= newer
        for garbage in batch:
            if garbage.key in claimed and garbage.names[0] in contents:
                store.files.write(garbage.names[0], contents[garbage.names[0]])
        going = [garbage for garbage in batch if garbage.key not in claimed or _is_temporary(garbage)]
        store.files.remove([name for garbage in going for name in garbage.names if name not in contents])
        gone.extend(going)
    for garbage in found.garbage:
        if not garbage.is_part:
            store.files.remove([garbage.names[0]])
            store.files.remove(list(garbage.names[1:]))
            gone.append(garbage)
    return gone


def _now_s(store: Store) -> float:
    """The time by the store's clock."""
    name = f"{part_claims.FOLDER}/{CLOCK}"
    store.files.write(name, b"")
    try:
        return store.files.details(part_claims.FOLDER)[name].modified_s
    finally:
        store.files.remove([name])


def _listed_keys(store: Store, seen: Iterable[str]) -> tuple[frozenset[str], set[str]]:
    """Names of the manifests and claims that were not seen before, and the keys that they list."""
    names = [*store.files.names("manifests"), *store.files.names(part_claims.FOLDER)]
    known = set(seen)
    # what is being written has a temporary name, which starts with a dot
    fresh = [name for name in names if name not in known and name.endswith(".json") and "/." not in name]
    keys = set[str]()
    for name, content in zip(fresh, store.files.read_many(fresh), strict=True):
        where = f"{store.url}/{name}"
        if name.startswith("manifests/"):
            keys.update(part.key for part in Manifest.from_json(content, where).parts)
        else:
            keys |= part_claims.claimed_keys(content, where)
    return frozenset(fresh), keys


def _part_groups(parts: Listing) -> list[Garbage]:
    """The objects of each part together, and each temporary one by itself."""
    found = defaultdict[tuple[str, str], list[str]](list)
    for name in parts:
        _, stage, rest = name.split("/", 2)
        found[stage, rest if rest.startswith(".") else rest.partition(".")[0]].append(name)
    return [_group(stage, key, names, parts, first=f"{key}.json", part=True) for (stage, key), names in found.items()]


def _encoder_groups(
    store: Store, details: Listing, documents: Listing, registered: set[str], limit_s: float
) -> list[Garbage]:
    """Checkpoints of finished refits, refits that were given up, and encoders of no registered bundle."""
    found = []
    for key, names in _by_key(details, "objects/encoder/").items():
        document, progress = f"{ENCODER_DOCUMENTS}/{key}.json", f"documents/progress/{key}.json"
        checkpoint = [name for name in names if name.endswith(f"/{CHECKPOINT}")]
        done = document in documents
        young = max(details[name].modified_s for name in names) >= limit_s
        delivered = [name for name in names if name.endswith((f"/{ONNX}", f"/{WEIGHTS}"))]
        if done and (young or any(sha256(store.files.read(name)) in registered for name in delivered)):
            rest = [*checkpoint, *([progress] if progress in documents else [])]
            if rest:
                found.append(_group("checkpoint", key, rest, details))
        else:
            everything = [*names, *(name for name in (document, progress) if name in documents)]
            found.append(_group("encoder", key, everything, details, first=f"{key}.json"))
    for key, names in _by_key(details, "objects/onnx/").items():
        if key not in registered:
            found.append(_group("encoder copy", key, names, details))
    return found


def _bundles(store: Store) -> dict[str, tuple[str, set[str]]]:
    """By `KIND/KEY`, the fingerprint of each whole bundle and the SHA-256 of its files."""
    names = [name for kind in BUNDLES for name in store.files.names(f"objects/{kind}")]
    described = [name for name in names if name.endswith(f"/{DESCRIPTION}")]
    found = {}
    for name, content in zip(described, store.files.read_many(described), strict=True):
        try:
            files = set(map(str, dict(json.loads(content)["files"]).values()))
        except (ValueError, TypeError, KeyError):
            files = set()
        _, kind, key, _ = name.split("/")
        found[f"{kind}/{key}"] = (sha256(content), files)
    return found


def _unaccounted(seen: frozenset[str], registered: Registered, here: set[str]) -> set[str]:
    """Stages of datasets that registered bundles of this store were made from and whose manifest is not there."""
    return {
        dataset.partition("/")[0]
        for bundle in here & registered.bundles
        for dataset in registered.datasets.get(bundle, ())
        if f"manifests/{dataset}.json" not in seen
    }


def _by_key(details: Listing, folder: str) -> dict[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for name in details:
        if name.startswith(folder):
            found[name.removeprefix(folder).partition("/")[0]].append(name)
    return found


def _group(kind: str, key: str, names: list[str], details: Listing, first: str = "", part: bool = False) -> Garbage:
    ordered = sorted(names, key=lambda name: (name.rpartition("/")[2] != first, name))
    return Garbage(kind, key, tuple(ordered), sum(details[name].size_bytes for name in names), part)


def _is_temporary(garbage: Garbage) -> bool:
    """Whether a killed write left it: no reader ever sees it."""
    return garbage.key.startswith(".")
