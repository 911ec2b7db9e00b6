"""What lies in a store, byte for byte."""

import hashlib
from pathlib import Path

DATASETS = ("utterances", "reference", "words", "segments", "features", "selection", "pairs")


def store_files(store: Path) -> dict[str, tuple[str, int]]:
    """SHA-256 and modification time (ns) of every file, by its path in the store."""
    return {
        str(path.relative_to(store)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(store.rglob("*"))
        if path.is_file()
    }


def dataset_files(store: Path) -> dict[str, str]:
    """SHA-256 of the parts and manifests of all datasets; what a killed write left under a temporary name is none."""
    return {
        name: digest
        for name, (digest, _) in store_files(store).items()
        if name.split("/")[0] in ("parts", "manifests")
        and name.split("/")[1] in DATASETS
        and not Path(name).name.startswith(".")
    }


def part_keys(store: Path, stage: str) -> set[str]:
    """Keys of the complete parts of a stage."""
    return {path.stem for path in (store / "parts" / stage).glob("[!.]*.json")}
