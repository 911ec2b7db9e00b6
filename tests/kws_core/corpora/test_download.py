import hashlib
import io
import logging
import os
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_server import Fault, serve
from rich.console import Console

from kws_core.corpora.download import Patience, RemoteFile, fetch, progress_bars, redacted
from kws_core.errors import CorpusError

CONTENT = random.Random(4).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(attempts=3, first_wait_s=0.01, longest_wait_s=2.0, silence_s=2.0)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.tar.gz").write_bytes(CONTENT)
    return folder


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def ranges(requests: list) -> list[str | None]:
    return [request.headers.get("range") for request in requests]


def test_a_second_run_opens_no_connection(served: Path, tmp_path: Path) -> None:
    (served / "b c.zip").write_bytes(b"zip")
    seen: list[tuple[str, int, int | None]] = []
    with serve(served) as server:
        files = [
            RemoteFile(f"{server.url}/a.tar.gz", sha256=SHA256, size_bytes=len(CONTENT)),
            RemoteFile(f"{server.url}/b%20c.zip", md5=hashlib.md5(b"zip").hexdigest()),  # noqa: S324
        ]
        paths = fetch(files, tmp_path / "d", on_progress=lambda *progress: seen.append(progress))
        assert [path.read_bytes() for path in paths] == [CONTENT, b"zip"]
        assert len(server.requests) == 2
        assert fetch(files, tmp_path / "d") == paths
        assert len(server.requests) == 2
    assert fetch(files, tmp_path / "d") == paths  # not even with the server gone
    assert ("a.tar.gz", len(CONTENT), len(CONTENT)) in seen
    done = [progress[1] for progress in seen if progress[0] == "a.tar.gz"]
    assert done == sorted(done)
    assert not any(".partial" in name for name in names(tmp_path / "d"))


def test_a_cut_connection_is_resumed_where_it_broke(served: Path, tmp_path: Path) -> None:
    cuts = [Fault(cut_after=100_000), Fault(cut_after=50_000), Fault(cut_after=50_000), Fault(cut_after=50_000)]
    with serve(served, {"a.tar.gz": cuts}) as server:
        # more cuts than attempts: progress starts the count again
        path = fetch([RemoteFile(f"{server.url}/a.tar.gz", sha256=SHA256)], tmp_path / "d", patience=QUICK)[0]
        assert ranges(server.requests) == [None, *(f"bytes={n}-" for n in (100_000, 150_000, 200_000, 250_000))]
        assert all(request.headers["if-range"].startswith('"') for request in server.requests[1:])
    assert path.read_bytes() == CONTENT


def test_the_next_run_goes_on_where_the_last_gave_up(served: Path, tmp_path: Path) -> None:
    faults = {"a.tar.gz": [Fault(cut_after=120_000), *[Fault(status=503)] * 3]}
    with serve(served, faults) as server:
        file = RemoteFile(f"{server.url}/a.tar.gz", sha256=SHA256)
        with pytest.raises(
            CorpusError, match=r"503 Service Unavailable; gave up after 3 tries.*120,000 bytes are kept"
        ):
            fetch([file], tmp_path / "d", patience=QUICK)
        assert not (tmp_path / "d" / "a.tar.gz").exists()
        assert (tmp_path / "d" / "a.tar.gz.partial").read_bytes() == CONTENT[:120_000]
        assert fetch([file], tmp_path / "d")[0].read_bytes() == CONTENT
        assert ranges(server.requests)[-1] == "bytes=120000-"


@pytest.mark.parametrize("validators", [True, False])
def test_a_file_that_changed_between_tries_starts_anew(served: Path, tmp_path: Path, validators: bool) -> None:
    old = Fault(body=b"old" * 50_000, cut_after=100_000)
    with serve(served, {"a.tar.gz": [old]}, validators=validators) as server:
        path = fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d", patience=QUICK)[0]
    assert path.read_bytes() == CONTENT


def test_without_a_version_the_checksum_permits_to_resume_and_corrects(served: Path, tmp_path: Path) -> None:
    old = Fault(body=bytes(len(CONTENT)), cut_after=100_000)
    (tmp_path / "d").mkdir()
    with serve(served, {"a.tar.gz": [old, *[Fault(status=500)] * 3]}, validators=False) as server:
        file = RemoteFile(f"{server.url}/a.tar.gz", sha256=SHA256)
        with pytest.raises(CorpusError, match="500"):
            fetch([file], tmp_path / "d", patience=QUICK)
        assert fetch([file], tmp_path / "d", patience=QUICK)[0].read_bytes() == CONTENT
        assert ranges(server.requests)[-2:] == ["bytes=100000-", None]


def test_a_server_without_ranges_sends_all_again(served: Path, tmp_path: Path) -> None:
    with serve(served, {"a.tar.gz": [Fault(cut_after=100_000)]}, ranges=False) as server:
        path = fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d", patience=QUICK)[0]
        assert [request.status for request in server.requests] == [200, 200]
    assert path.read_bytes() == CONTENT


def test_without_ranges_cuts_at_the_same_place_come_to_an_end(served: Path, tmp_path: Path) -> None:
    with serve(served, {"a.tar.gz": [Fault(cut_after=100_000)] * 50}, ranges=False) as server:
        with pytest.raises(CorpusError, match="gave up after 3 tries"):
            fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d", patience=QUICK)
        assert len(server.requests) == 4


def test_a_wrong_checksum_names_both_and_keeps_the_bad_file_apart(served: Path, tmp_path: Path) -> None:
    with serve(served, {"a.tar.gz": [Fault(body=b"an error page")]}) as server:
        file = RemoteFile(f"{server.url}/a.tar.gz", sha256=SHA256)
        found = hashlib.sha256(b"an error page").hexdigest()
        with pytest.raises(CorpusError, match=rf"{server.url}/a.tar.gz: sha256 {SHA256} is expected and {found} found"):
            fetch([file], tmp_path / "d", patience=QUICK)
        assert (tmp_path / "d" / "a.tar.gz.rejected").read_bytes() == b"an error page"
        assert names(tmp_path / "d") == {"a.tar.gz.rejected", "a.tar.gz.lock"}
        assert fetch([file], tmp_path / "d")[0].read_bytes() == CONTENT


def test_a_wrong_size_is_refused_before_a_byte_is_kept(served: Path, tmp_path: Path) -> None:
    with serve(served) as server, pytest.raises(CorpusError, match=r"has 300,000 bytes where 300,001 are expected"):
        fetch([RemoteFile(f"{server.url}/a.tar.gz", size_bytes=300_001)], tmp_path / "d", patience=QUICK)


def test_an_unpublished_checksum_is_recorded_and_holds(served: Path, tmp_path: Path) -> None:
    with serve(served) as server:
        file = RemoteFile(f"{server.url}/a.tar.gz")
        path = fetch([file], tmp_path / "d")[0]
        path.unlink()
        (served / "a.tar.gz").write_bytes(b"something else")
        with pytest.raises(CorpusError, match=rf"{SHA256} was recorded.*remove .*fetched\.json to accept"):
            fetch([file], tmp_path / "d", patience=QUICK)
        (tmp_path / "d" / "a.tar.gz.fetched.json").unlink()
        assert fetch([file], tmp_path / "d")[0].read_bytes() == b"something else"


def test_a_file_that_was_changed_here_is_fetched_again(served: Path, tmp_path: Path) -> None:
    with serve(served) as server:
        file = RemoteFile(f"{server.url}/a.tar.gz")
        path = fetch([file], tmp_path / "d")[0]
        os.utime(path)  # touched, not changed: verified here, no connection
        fetch([file], tmp_path / "d")
        assert len(server.requests) == 1
        path.write_bytes(CONTENT[:-1] + b"x")
        assert fetch([file], tmp_path / "d")[0].read_bytes() == CONTENT
        assert len(server.requests) == 2
    assert (tmp_path / "d" / "a.tar.gz.rejected").stat().st_size == len(CONTENT)


def test_a_file_put_there_by_hand_is_taken_when_it_is_the_published_one(tmp_path: Path) -> None:
    file = RemoteFile("http://127.0.0.1:9/a.tar.gz", sha256=SHA256)
    (tmp_path / "a.tar.gz").write_bytes(CONTENT)
    assert fetch([file], tmp_path)[0].read_bytes() == CONTENT
    (tmp_path / "a.tar.gz").write_bytes(CONTENT[1:])
    with pytest.raises(CorpusError, match="gave up after 1 tries"):
        fetch([file], tmp_path, patience=replace(QUICK, attempts=1))


def test_passing_failures_are_retried_and_lasting_ones_are_not(served: Path, tmp_path: Path) -> None:
    passing = [Fault(status=500), Fault(status=429, headers={"Retry-After": "1"})]
    with serve(served, {"a.tar.gz": passing, "b": [Fault(status=403)]}) as server:
        waits = Patience(attempts=3, first_wait_s=0.01)
        assert fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d", patience=waits)[0].read_bytes() == CONTENT
        for name, status in (("b", "403 Forbidden"), ("c", "404 Not Found")):
            with pytest.raises(CorpusError, match=rf"/{name}: the server answered {status}"):
                fetch([RemoteFile(f"{server.url}/{name}")], tmp_path / "d", patience=waits)
        assert [request.status for request in server.requests] == [500, 429, 200, 403, 404]


def test_a_server_that_asks_for_a_long_wait_ends_the_download(served: Path, tmp_path: Path) -> None:
    fault = Fault(status=503, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"})
    with serve(served, {"a.tar.gz": [fault]}) as server, pytest.raises(CorpusError, match=r"it asks to wait \d+ s"):
        fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d", patience=QUICK)


def test_a_silent_server_counts_as_failed(served: Path, tmp_path: Path) -> None:
    patience = replace(QUICK, silence_s=0.2)
    with serve(served, {"a.tar.gz": [Fault(delay_s=0.6)]}) as server:
        assert fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d", patience=patience)[0].exists()
    slow = Fault(pause_s=0.02)  # slow is not silent
    with serve(served, {"a.tar.gz": [slow]}) as server:
        fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "e", patience=patience)
        assert len(server.requests) == 1


def test_a_part_longer_than_the_file_is_dropped(served: Path, tmp_path: Path) -> None:
    with serve(served, {"a.tar.gz": [Fault(cut_after=200_000), *[Fault(status=500)] * 3]}, validators=False) as server:
        file = RemoteFile(f"{server.url}/a.tar.gz", sha256=hashlib.sha256(b"short").hexdigest())
        with pytest.raises(CorpusError, match="500"):
            fetch([file], tmp_path / "d", patience=QUICK)
        (served / "a.tar.gz").write_bytes(b"short")
        assert fetch([file], tmp_path / "d", patience=QUICK)[0].read_bytes() == b"short"
        assert [request.status for request in server.requests][-2:] == [416, 200]


def test_several_come_at_once_and_one_failure_stops_the_rest(served: Path, tmp_path: Path) -> None:
    slow = {f"{n}.bin": [Fault(pause_s=0.05)] for n in range(4)}
    for name in slow:
        (served / name).write_bytes(CONTENT)
    open_names: set[str] = set()
    most_open = 0

    def watch(name: str, done_bytes: int, total_bytes: int | None) -> None:
        nonlocal most_open
        if done_bytes < (total_bytes or 0):
            open_names.add(name)
        else:
            open_names.discard(name)
        most_open = max(most_open, len(open_names))

    with serve(served, slow) as server:
        fetch([RemoteFile(f"{server.url}/{name}") for name in slow], tmp_path / "d", on_progress=watch, at_once=3)
        assert most_open == 3
    with serve(served, slow) as server:
        files = [RemoteFile(f"{server.url}/{name}") for name in (*slow, "missing")]
        with pytest.raises(CorpusError, match=r"missing: the server answered 404"):
            fetch(files, tmp_path / "e", at_once=5)
        assert "0.bin" not in names(tmp_path / "e")
        paths = fetch(files[:-1], tmp_path / "e")
        assert [path.read_bytes() for path in paths] == [CONTENT] * 4


def test_two_processes_share_one_download(served: Path, tmp_path: Path) -> None:
    with serve(served, {"a.tar.gz": [Fault(pause_s=0.02)]}) as server:
        script = (
            "import sys; from pathlib import Path; from kws_core.corpora.download import RemoteFile, fetch\n"
            "print(fetch([RemoteFile(sys.argv[1])], Path(sys.argv[2]))[0].stat().st_size)"
        )
        command = [sys.executable, "-c", script, f"{server.url}/a.tar.gz", str(tmp_path / "d")]
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [run.communicate(timeout=60)[0].strip() for run in runs] == [str(len(CONTENT))] * 2
        assert len(server.requests) == 1


def test_a_killed_download_is_resumed(served: Path, tmp_path: Path) -> None:
    with serve(served, {"a.tar.gz": [Fault(pause_s=0.05)]}) as server:
        script = (
            "import os, sys; from pathlib import Path; from kws_core.corpora.download import RemoteFile, fetch\n"
            "die = lambda name, done, total: done > 100_000 and os.kill(os.getpid(), 9)\n"
            "fetch([RemoteFile(sys.argv[1])], Path(sys.argv[2]), on_progress=die)"
        )
        url = f"{server.url}/a.tar.gz"
        assert subprocess.run([sys.executable, "-c", script, url, str(tmp_path / "d")], timeout=60).returncode == -9
        assert not (tmp_path / "d" / "a.tar.gz").exists()
        assert fetch([RemoteFile(url)], tmp_path / "d")[0].read_bytes() == CONTENT
        assert server.requests[-1].status == 206


def test_a_full_disk_keeps_the_part_and_the_next_run_goes_on(served: Path, tmp_path: Path) -> None:
    # a limit on the size of files stands for the disk: it needs no rights and fails the same write
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from kws_core.corpora.download import RemoteFile, fetch; from kws_core.errors import CorpusError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, 100_001))\n"
        "try: fetch([RemoteFile(sys.argv[1])], Path(sys.argv[2]))\n"
        "except CorpusError as error: print(error)"
    )
    with serve(served) as server:
        url = f"{server.url}/a.tar.gz"
        command = [sys.executable, "-c", script, url, str(tmp_path / "d")]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert "no room on the disk after 100,001 bytes" in said.stdout
        assert said.stderr == ""
        assert (tmp_path / "d" / "a.tar.gz.partial").read_bytes() == CONTENT[:100_001]
        assert fetch([RemoteFile(url)], tmp_path / "d")[0].read_bytes() == CONTENT
        assert ranges(server.requests) == [None, "bytes=100001-"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_really_full_disk(served: Path, small_disk: Path) -> None:
    with serve(served) as server:
        url = f"{server.url}/a.tar.gz"
        with pytest.raises(CorpusError, match=r"300,000 bytes are to come and 131,072 are free"):
            fetch([RemoteFile(url, size_bytes=len(CONTENT))], small_disk)
        assert server.requests == []
        with pytest.raises(CorpusError, match=r"300,000 bytes are to come from .* are free on the disk; make room"):
            fetch([RemoteFile(url)], small_disk)
    (served / "b").write_bytes(CONTENT[:100_000])
    with serve(served, {"b": [Fault(pause_s=0.02)]}) as server:
        # a neighbour takes the room after the check
        def take(name: str, done_bytes: int, total_bytes: int | None) -> None:
            (small_disk / "neighbour").write_bytes(bytes(60_000))

        with pytest.raises(CorpusError, match=r"no room on the disk after [\d,]+ bytes .*No space left on device"):
            fetch([RemoteFile(f"{server.url}/b")], small_disk, on_progress=take)
        part = (small_disk / "b.partial").read_bytes()
        assert 0 < len(part) < 100_000
        (small_disk / "neighbour").unlink()
        assert fetch([RemoteFile(f"{server.url}/b")], small_disk)[0].read_bytes() == CONTENT[:100_000]
        assert ranges(server.requests)[-1] == f"bytes={len(part)}-"


def test_a_mirror_replaces_the_public_address(served: Path, tmp_path: Path) -> None:
    file = RemoteFile("https://corpora.invalid/v1/a.tar.gz", sha256=SHA256)
    with serve(served.parent) as server:
        for at, mirror in enumerate((served, str(served), served.as_uri(), f"{server.url}/served/")):
            assert fetch([file], tmp_path / f"d{at}", mirror=mirror)[0].read_bytes() == CONTENT
        assert [request.name for request in server.requests] == ["served/a.tar.gz"]
    with pytest.raises(CorpusError, match=r"served/b\.zip is missing"):
        fetch([RemoteFile("https://corpora.invalid/b.zip")], tmp_path / "e", mirror=served)
    (served / "a.tar.gz").write_bytes(b"damaged")
    with pytest.raises(CorpusError, match=rf"a\.tar\.gz: sha256 {SHA256} is expected"):
        fetch([file], tmp_path / "f", mirror=served)


def test_from_s3_with_resume(tmp_path: Path, s3_url: str) -> None:
    boto3 = pytest.importorskip("boto3")
    bucket = s3_url.removeprefix("s3://")
    content = CONTENT * 30  # more than one range
    boto3.client("s3").put_object(Bucket=bucket, Key="x/a.tar.gz", Body=content)
    file = RemoteFile(f"{s3_url}/x/a.tar.gz", sha256=hashlib.sha256(content).hexdigest())
    seen: list[int] = []

    def interrupt(name: str, done_bytes: int, total_bytes: int | None) -> None:
        seen.append(done_bytes)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([file], tmp_path, on_progress=interrupt)
    assert (tmp_path / "a.tar.gz.partial").stat().st_size == seen[0] < len(content)
    assert fetch([file], tmp_path, on_progress=lambda *progress: seen.append(progress[1]))[0].read_bytes() == content
    assert seen[1] > seen[0]
    mirrored = RemoteFile("https://corpora.invalid/a.tar.gz", sha256=file.sha256)
    assert fetch([mirrored], tmp_path / "m", mirror=f"{s3_url}/x")[0].read_bytes() == content
    with pytest.raises(CorpusError, match=r"x/b: no such object"):
        fetch([RemoteFile(f"{s3_url}/x/b")], tmp_path, patience=QUICK)
    with pytest.raises(CorpusError, match=r"s3://bucket/key is accepted"):
        fetch([RemoteFile(s3_url, name="x")], tmp_path, patience=QUICK)


def test_an_s3_object_that_changes_starts_anew(tmp_path: Path, s3_url: str) -> None:
    boto3 = pytest.importorskip("boto3")
    client = boto3.client("s3")
    old, new = bytes(9_000_000), CONTENT * 30
    client.put_object(Bucket=s3_url.removeprefix("s3://"), Key="a", Body=old)
    changed = False

    def change(name: str, done_bytes: int, total_bytes: int | None) -> None:
        nonlocal changed
        if not changed:
            changed = True
            client.put_object(Bucket=s3_url.removeprefix("s3://"), Key="a", Body=new)

    assert fetch([RemoteFile(f"{s3_url}/a")], tmp_path, on_progress=change, patience=QUICK)[0].read_bytes() == new


def test_secrets_stay_out_of_messages_logs_and_files(
    served: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    faults = {"a.tar.gz": [Fault(status=302, headers={"Location": "/b?X-Signature=S3CRET"})], "b": [Fault(status=403)]}
    with serve(served, faults) as server:
        url = server.url.replace("://", "://user:S3CRET@") + "/a.tar.gz?token=S3CRET"
        with pytest.raises(
            CorpusError, match=r"http://\*\*\*@127\.0\.0\.1:\d+/a\.tar\.gz\?token=\*\*\*: .* 403"
        ) as error:
            fetch([RemoteFile(url)], tmp_path / "d", patience=QUICK)
        assert server.requests[0].headers["authorization"].startswith("Basic ")
        assert fetch([RemoteFile(url)], tmp_path / "d")[0].read_bytes() == CONTENT
    assert "S3CRET" not in str(error.value)
    assert "HTTP Request: GET" in caplog.text
    assert "S3CRET" not in caplog.text
    assert not any(b"S3CRET" in path.read_bytes() for path in (tmp_path / "d").iterdir())


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.org/b.zip", "https://a.org/b.zip"),
        ("see https://u:p@a.org:1/b?x=1&y#z now", "see https://***@a.org:1/b?x=***&***#*** now"),
        ("s3://key@bucket/b", "s3://***@bucket/b"),
        ("https://[u:p@a", "https://***"),
    ],
)
def test_redaction(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://a.org/b", "ftp://a.org/b cannot be read; https,"),
        ("file://elsewhere/b", "cannot be read"),
        ("http:///b", "it names no host"),
        ("http://a.org:port/b", "is not a valid address"),
        ("http://127.0.0.1:9/b", "refused; gave up after 3 tries"),
    ],
)
def test_addresses_that_cannot_be_read(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        fetch([RemoteFile(url)], tmp_path, patience=QUICK)


def test_malformed_files_are_refused(tmp_path: Path) -> None:
    for url in (
        "https://a.org/",
        "https://a.org/..",
        "https://a.org/%2e%2e",
        "https://a.org/a%2f..%2fb",
        "https://a/%00",
    ):
        with pytest.raises(CorpusError, match="cannot name a local file"):
            RemoteFile(url)
    with pytest.raises(CorpusError, match="is not 64 lower-case hex digits"):
        RemoteFile("https://a.org/b", sha256="abc")
    with pytest.raises(CorpusError, match="-1 bytes"):
        RemoteFile("https://a.org/b", size_bytes=-1)
    with pytest.raises(CorpusError, match="several files of one download are named 'b'"):
        fetch([RemoteFile("https://a.org/b"), RemoteFile("https://c.org/b")], tmp_path)


def test_redirects_are_followed(served: Path, tmp_path: Path) -> None:
    faults = {
        "old": [Fault(status=301, headers={"Location": "/a.tar.gz"})],
        "loop": [Fault(status=302, headers={"Location": "/loop"})] * 50,
    }
    with serve(served, faults) as server:
        assert fetch([RemoteFile(f"{server.url}/old")], tmp_path)[0].read_bytes() == CONTENT
        with pytest.raises(CorpusError, match="redirects"):
            fetch([RemoteFile(f"{server.url}/loop")], tmp_path)


def test_progress_is_shown(served: Path, tmp_path: Path) -> None:
    log, terminal = io.StringIO(), io.StringIO()
    consoles = (Console(file=log), Console(file=terminal, width=120, force_terminal=True, _environ={"TERM": "xterm"}))
    with serve(served) as server:
        for at, console in enumerate(consoles):
            with progress_bars(console) as on_progress:
                fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / f"{at}", on_progress=on_progress)
    assert log.getvalue() == "a.tar.gz: 300,000 bytes\na.tar.gz: all bytes are here\n"
    assert "300.0/300.0 kB" in terminal.getvalue()


def test_no_thread_is_left(served: Path, tmp_path: Path) -> None:
    before = threading.active_count()
    with serve(served) as server:
        fetch([RemoteFile(f"{server.url}/a.tar.gz")], tmp_path / "d")
    assert threading.active_count() <= before
