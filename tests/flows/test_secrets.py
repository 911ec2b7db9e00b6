"""Secrets of the environment of a full run are nowhere in what it left behind."""

import base64
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from experiments import KEYWORDS, FullRun
from secret_search import files_below, finds

SECRET = "canary-of-this-test"  # noqa: S105 - made for this test


def test_no_secret_of_the_environment_is_left_anywhere(full_run: FullRun) -> None:
    places = {
        "terminal, workspace, Prefect": files_below(full_run.folder),
        "logs of Ray": files_below(full_run.ray_logs),
    }
    # the search reaches what is known to be there
    names = set().union(*places.values())
    for part in (
        ".stderr",
        "prefect.db (rows)",
        "mlflow.db (rows)",
        "bundle.json",
        "report.html",
        "MLmodel",
        "raylet.out",
    ):
        assert any(name.endswith(part) for name in names), part
    rows = {name: content for name, content in places["terminal, workspace, Prefect"].items() if ".parquet (" in name}
    assert any(KEYWORDS[0].encode() in content for content in rows.values())
    for place, contents in places.items():
        for variable, secret in full_run.secrets.items():
            assert finds(contents, secret) == [], f"{variable} in {place}"


def plain(path: Path) -> None:
    path.write_bytes(b"\xff" + SECRET.encode())


def in_base64(path: Path) -> None:
    path.write_bytes(base64.b64encode(f"user:{SECRET}!".encode()))


def in_compressed_parquet(path: Path) -> None:
    pq.write_table(pa.table({"text": ["x", SECRET]}), path, compression="gzip", write_statistics=False)


def across_pages_of_sqlite(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("pragma page_size = 512")
        database.execute("create table one (text)")
        # the last of its pages holds the last 508 characters
        database.execute("insert into one values (?)", ("x" * 800 + SECRET + "x" * 500,))
        database.commit()


@pytest.mark.parametrize("write", [plain, in_base64, in_compressed_parquet, across_pages_of_sqlite])
def test_the_search_finds_a_secret(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    write(path)
    assert (SECRET.encode() in path.read_bytes()) == (write is plain)
    contents = files_below(tmp_path)
    assert len(finds(contents, SECRET)) == 1
    assert finds(contents, SECRET.replace("this", "that")) == []
