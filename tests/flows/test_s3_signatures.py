"""The store on an S3 server that checks signatures: keys come from the environment, wrong ones are one sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from servers import signed_s3_server

from kws_core.errors import StoreError
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE
from kws_core.store import Store

SECRET = "of-the-server"  # noqa: S105 - made for this test
Open = Callable[[str], Store]
"""Opens the store with this secret in the environment."""


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    pytest.importorskip("s3fs")
    import s3fs

    with signed_s3_server(tmp_path / "server", "key", SECRET) as address:
        (tmp_path / "server" / "data" / "bucket").mkdir()

        def open_store(secret: str) -> Store:
            variables = {
                "AWS_ENDPOINT_URL": address,
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_DEFAULT_REGION": "us-east-1",
                # rclone knows no checksums in trailers
                "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
                "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            }
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            s3fs.S3FileSystem.clear_instance_cache()
            return Store("s3://bucket/store")

        yield open_store
        s3fs.S3FileSystem.clear_instance_cache()


def test_only_the_right_secret_opens_the_store(opened: Open) -> None:
    table = pa.table({"number": range(5000)})
    store = opened(SECRET)
    store.check_writable()
    part = store.write_part("numbers", "k", "c", PartOutput(table, QUARANTINE.empty_table()))
    manifest = Manifest("numbers", 1, (part,))
    store.write_manifest(manifest)
    assert store.complete_parts("numbers", ["k", "other"]) == {"k": part}

    wrong = opened("of-nobody")
    calls: dict[str, Callable[[], object]] = {
        "check": wrong.check_writable,
        "write": lambda: wrong.write_document("kind", "k", {"x": 1}),
        "exists": lambda: wrong.has_part("numbers", "k"),
        "read": lambda: wrong.read_part("numbers", part),
        "read columns": lambda: wrong.read_part("numbers", part, ["number"]),
        "read batches": lambda: list(wrong.read_batches("numbers", part, ["number"], 512)),
        "list": lambda: wrong.files.names("parts"),
    }
    for what, call in calls.items():
        with pytest.raises(StoreError, match=r"cannot be (read|written)") as caught:
            call()
        said = str(caught.value)
        assert "s3://bucket/store" in said, what
        assert "\n" not in said, what
        assert "of-nobody" not in said, what

    right = opened(SECRET)
    assert right.dataset("numbers", manifest.fingerprint) == manifest
    assert right.read_table(manifest).equals(table)
    assert right.read_table(manifest, ["number"]).equals(table)
    assert right.read_document("kind", "k") is None
