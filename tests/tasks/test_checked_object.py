"""Files of the store whose SHA-256 is known."""

from pathlib import Path

import pytest

from kws_core.errors import StoreError
from kws_core.fingerprint import sha256
from kws_core.store import Store
from tasks.checked_object import read_checked

CONTENT = bytes(range(256))


def test_only_what_was_written_is_read(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_object("encoder", "k", "encoder.onnx", CONTENT)
    assert read_checked(store, "encoder", "k", "encoder.onnx", sha256(CONTENT)) == CONTENT


@pytest.mark.parametrize("damaged", [b"", CONTENT[:100], b"\x01" + CONTENT[1:]])
def test_what_is_damaged_is_told_with_what_to_delete(damaged: bytes, tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_object("encoder", "k", "encoder.onnx", damaged)
    path = f"{tmp_path}/objects/encoder/k/encoder.onnx"
    damage = f"{path} is damaged: its SHA-256 is not the one it was written with"
    for made_by in ("", "documents/encoder/k.json"):
        with pytest.raises(StoreError) as caught:
            read_checked(store, "encoder", "k", "encoder.onnx", sha256(CONTENT), made_by)
        assert str(caught.value) == f"{damage}; delete {f'{tmp_path}/{made_by}' if made_by else path} and run again"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"encoder\.onnx is missing"):
        read_checked(Store(str(tmp_path)), "encoder", "k", "encoder.onnx", sha256(CONTENT))
