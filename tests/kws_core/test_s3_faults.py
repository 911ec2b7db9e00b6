"""The store on S3 through throttling, server errors and lost connections, injected between it and a real server."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest
from s3_proxy import CUT, FaultyProxy

from kws_core.errors import StoreError, StoreOutageError
from kws_core.files import reads
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE
from kws_core.store import Store

Faults = dict[str, list[int | str]]
Proxied = Callable[..., tuple[FaultyProxy, Store]]
"""Takes faults and how often each object meets one."""


@pytest.fixture
def proxied(s3_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxied]:
    """Makes a proxy with given faults and a store that is reached through it."""
    import s3fs

    servers: list[FaultyProxy] = []

    def make(faults: Faults, times: int = 1) -> tuple[FaultyProxy, Store]:
        server = FaultyProxy(s3_endpoint, faults, times)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        s3fs.S3FileSystem.clear_instance_cache()
        return server, Store(f"{s3_url}/store")

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def numbers(rows: int) -> pa.Table:
    content = np.random.default_rng(rows).bytes(64 * rows)
    return pa.table(
        {"number": np.arange(rows), "noise": pa.array([content[64 * row : 64 * row + 64] for row in range(rows)])}
    )


def test_throttling_server_errors_and_cuts_are_survived(proxied: Proxied) -> None:
    faults: Faults = {"PUT": [503, 500, CUT, 429], "GET": [CUT, 429, 500, 503], "HEAD": [503, 500]}
    proxy, store = proxied(faults)
    table = numbers(3000)
    part = store.write_part("numbers", "k", "c", PartOutput(table, QUARANTINE.empty_table()))
    manifest = Manifest("numbers", 1, (part,))
    store.write_manifest(manifest)
    store.write_document("kind", "k", {"x": 1})
    assert store.has_part("numbers", "k")
    assert not store.has_part("numbers", "other")
    assert store.dataset("numbers", manifest.fingerprint) == manifest
    assert store.read_table(manifest).equals(table)
    assert store.read_table(manifest, ["noise"]).equals(table.select(["noise"]))
    batches = list(store.read_batches("numbers", part, ["number"], 512))
    assert [batch.num_rows for batch in batches] == [512] * 5 + [440]
    assert pa.Table.from_batches(batches).equals(table.select(["number"]))
    for method, kinds in faults.items():
        for kind in kinds:
            assert proxy.injected[method, kind], f"no {method} met {kind}"


def test_large_objects_go_and_come_in_several_requests_at_once(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "RANGE_BYTES", 100_000)
    proxy, store = proxied({"GET": [500]})  # every range meets one
    table = numbers(20_000)
    part = store.write_part("numbers", "k", "c", PartOutput(table, QUARANTINE.empty_table()))
    proxy.most_at_once = 0
    assert store.read_part("numbers", part).equals(table)
    assert proxy.injected["GET", 500] == -(-part.size_bytes // 100_000)
    for _ in range(20):  # on a busy machine requests overlap only now and then
        if proxy.most_at_once > 1:
            break
        store.read_part("numbers", part)
    assert proxy.most_at_once > 1


def test_a_service_that_stays_down_is_said_in_one_sentence(proxied: Proxied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    _, store = proxied({method: [500] for method in ("GET", "PUT", "HEAD")}, times=1000)
    for call in (
        lambda: store.files.write("a", b"x"),
        lambda: store.files.read("a"),
        lambda: store.files.open("a"),
        lambda: store.write_part("numbers", "k", "c", PartOutput(numbers(3), QUARANTINE.empty_table())),
    ):
        with pytest.raises(StoreError, match="cannot be") as caught:
            call()
        assert "\n" not in str(caught.value)


def test_answers_that_are_cut_longer_than_the_client_is_patient_are_asked_for_again(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, store = proxied({"GET": [CUT]}, times=7)
    store.files.write("a", b"content")
    assert store.files.read("a") == b"content"
    assert proxy.injected["GET", CUT] == 7
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    store.files.write("b", b"content")
    with pytest.raises(StoreOutageError, match="b cannot be read"):
        store.files.read("b")
