"""What a run is about to need of a store, said before it looks what is there: `kws gc` leaves that alone.

    claims/STAGE/FINGERPRINT.json    keys of the parts of a dataset that is being made

A dataset that is finished needs no claim, as its manifest lists its parts. One that a killed run left behind counts
until it is as old as everything else that is given up.
"""

import json

from kws_core.errors import StoreError
from kws_core.files import Files

FOLDER = "claims"


def claim(files: Files, stage: str, fingerprint: str, keys: list[str]) -> None:
    """Say which parts the dataset will have; before any of them is looked for."""
    files.write(_name(stage, fingerprint), json.dumps(keys).encode())


def release(files: Files, stage: str, fingerprint: str) -> None:
    """Take a claim back, once the manifest is written."""
    files.remove([_name(stage, fingerprint)])


def claimed_keys(content: bytes, name: str) -> set[str]:
    """The keys of a claim; raises `StoreError` when it is damaged."""
    try:
        return {str(key) for key in json.loads(content)}
    except (ValueError, TypeError) as error:
        raise StoreError(f"{name} is damaged: {error}; delete it when no run is under way") from error


def _name(stage: str, fingerprint: str) -> str:
    return f"{FOLDER}/{stage}/{fingerprint}.json"
