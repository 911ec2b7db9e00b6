"""Where an unfinished search keeps its trials: on the store, so that a driver on another machine can go on with it."""

from pathlib import Path
from typing import Any

from tasks.places import Places

FOLDER = "searches"


def state_folder(key: str) -> str:
    """Folder of the search's state in the store."""
    return f"{FOLDER}/{key[:16]}"


def state_url(places: Places, key: str) -> str:
    """Folder of the search's state as Ray takes it: an absolute path, or `s3://bucket/prefix/searches/...`.

    Tune keeps pickles in it: whoever can write to the store can run code on the driver.
    """
    root = places.store_url if "://" in places.store_url else str(Path(places.store_url).resolve())
    return f"{root.rstrip('/')}/{state_folder(key)}"


def remove_state(places: Places, key: str, folder: str = "") -> None:
    """Delete the state of a search that has ended, or a folder of it; nothing happens where there is none."""
    from pyarrow import fs

    files: Any
    files, path = fs.FileSystem.from_uri(f"{state_url(places, key)}/{folder}".rstrip("/"))
    if files.get_file_info(path).type == fs.FileType.Directory:
        files.delete_dir(path)
