from pathlib import Path

import pytest

from kws_core.atomic_file import write_atomically
from kws_core.errors import StoreError
from kws_core.files import Files


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "store")
    return str(request.getfixturevalue("s3_url")) + "/prefix"


def test_objects_come_back_as_written(root: str) -> None:
    files = Files(root + "/")
    assert not files.exists("a/b.bin")
    assert files.names("a") == []
    files.write("a/b.bin", b"one")
    files.write("a/c/d.bin", b"")
    files.write("e.bin", b"three")
    assert files.exists("a/b.bin")
    assert files.read("a/b.bin") == b"one"
    assert files.read("a/c/d.bin") == b""
    assert files.names("a") == ["a/b.bin", "a/c/d.bin"]
    with files.open("e.bin") as file:
        file.seek(2)
        assert file.read(2) == b"re"
    files.write("a/b.bin", b"two")
    assert files.read("a/b.bin") == b"two"


def test_what_another_process_writes_is_seen_at_once(root: str) -> None:
    reader, writer = Files(root), Files(root)
    writer.write("a/1", b"x")
    assert reader.names("a") == ["a/1"]
    assert not reader.exists("a/2")
    if root.startswith("s3"):
        boto3 = pytest.importorskip("boto3")  # a client that shares nothing with the reader
        bucket, prefix = root.removeprefix("s3://").split("/")
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/a/2", Body=b"y")
    else:
        (Path(root) / "a/2").write_bytes(b"y")
    assert reader.exists("a/2")
    assert reader.names("a") == ["a/1", "a/2"]
    assert reader.read("a/2") == b"y"


def test_missing_objects_are_named(root: str) -> None:
    files = Files(root)
    with pytest.raises(StoreError, match=r"a/b\.bin is missing"):
        files.read("a/b.bin")
    with pytest.raises(StoreError, match=r"a/b\.bin is missing"):
        files.open("a/b.bin")


def test_unknown_protocols_are_refused() -> None:
    with pytest.raises(StoreError, match="store 'nowhere://x' cannot be opened"):
        Files("nowhere://x")


def test_a_file_in_place_of_the_folder_refuses_writes(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with pytest.raises(StoreError, match=r"store '.*taken' cannot be written \(a/b\)") as caught:
        Files(str(tmp_path / "taken")).write("a/b", b"")
    assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_the_object_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StoreError, match="a cannot be read"):
        Files(str(tmp_path)).read("a")
    with pytest.raises(StoreError, match="a cannot be read"):
        Files(str(tmp_path)).open("a")


def test_a_bucket_that_does_not_exist_refuses_writes(s3_url: str) -> None:
    with pytest.raises(StoreError, match=r"cannot be written \(a\): The specified bucket does not exist"):
        Files(s3_url + "-none/store").write("a", b"")


def test_markers_of_folders_are_no_objects(s3_url: str) -> None:
    import s3fs

    files = Files(f"{s3_url}/store")
    files.write("searches/one/a.json", b"{}")
    s3fs.S3FileSystem().call_s3("put_object", Bucket=s3_url.removeprefix("s3://"), Key="store/searches/", Body=b"")
    s3fs.S3FileSystem.clear_instance_cache()
    assert files.names("searches") == ["searches/one/a.json"]


def test_an_unreachable_endpoint_and_missing_credentials_are_said(
    s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    files = Files(s3_url)
    for refused in (lambda: files.write("a", b""), lambda: files.exists("a"), lambda: files.open("a")):
        with pytest.raises(StoreError, match=r"Could not connect to (the endpoint|server)"):
            refused()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(StoreError, match=r"cannot be written \(a\): Unable to locate credentials"):
        Files(s3_url).write("a", b"")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_an_object_is_created_once(root: str) -> None:
    files = Files(root)
    assert files.create("a/b.json", b"first")
    assert not files.create("a/b.json", b"second")
    assert files.read("a/b.json") == b"first"
    assert files.names("a") == ["a/b.json"]


def test_what_cannot_be_created_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file in place of the folder")
    with pytest.raises(StoreError, match=r"store '.*taken' cannot be written \(a/b\.json\): "):
        Files(str(tmp_path / "taken")).create("a/b.json", b"x")


def test_what_is_written_piece_by_piece_appears_at_the_end(root: str) -> None:
    files = Files(root)
    with files.writer("a/b.bin") as file:
        file.write(b"one ")
        assert not files.exists("a/b.bin")
        file.write(b"two")
    assert files.read("a/b.bin") == b"one two"

    def fail() -> None:
        with files.writer("a/b.bin") as file:
            file.write(b"three")
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        fail()
    assert files.read("a/b.bin") == b"one two"
    assert files.names("a") == ["a/b.bin"]


def test_a_file_in_place_of_the_folder_refuses_a_writer(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x")
    with (
        pytest.raises(StoreError, match=r"store '.*taken' cannot be written \(a/b\)"),
        Files(str(tmp_path / "taken")).writer("a/b"),
    ):
        pass
