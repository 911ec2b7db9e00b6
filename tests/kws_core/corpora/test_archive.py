import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kws_core.corpora.archive import ExtractionLimits, extract_archive
from kws_core.errors import CorpusError

FILES = {
    "corpus/README": b"a corpus",
    "corpus/wav/S01/one.wav": random.Random(1).randbytes(70_000),
    "corpus/wav/S01/two.wav": bytes(3_000),
    "corpus/wav/s02/Ünï.wav": b"x" * 512,
    "corpus/empty.txt": b"",
}


def tar_bytes(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def tar_file(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar_of(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    return tar_bytes(*(tar_file(name, content) for name, content in files.items()), format=format)


def zip_of(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as opened:
        for name, content in files.items():
            opened.writestr(zipfile.ZipInfo(name), content, compress_type=compression)
    return buffer.getvalue()


KINDS: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "tar": tar_of,
    "gnu.tar": lambda files: tar_of(files, tarfile.GNU_FORMAT),
    "tar.gz": lambda files: gzip.compress(tar_of(files)),
    "tar.bz2": lambda files: bz2.compress(tar_of(files)),
    "tar.xz": lambda files: lzma.compress(tar_of(files)),
    "zip": zip_of,
}


def tree(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".extracted.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def refused(tmp_path: Path, content: bytes, limits: ExtractionLimits | None = None, name: str = "a.bin") -> str:
    """Extract; return the message of the refusal, after which nothing is there."""
    archive = tmp_path / name
    archive.write_bytes(content)
    with pytest.raises(CorpusError) as error:
        extract_archive(archive, tmp_path / "out" / "into", limits)
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {".into.lock"}
    message = str(error.value)
    assert message.startswith(str(archive))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_out_as_they_went_in(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"corpus.{kind}"
    archive.write_bytes(KINDS[kind](FILES))
    into = extract_archive(archive, tmp_path / "deep" / "into")
    assert tree(into) == FILES
    assert {path.name for path in into.parent.iterdir()} == {"into", ".into.lock"}


def test_a_finished_folder_is_left_alone(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(tar_of(FILES))
    into = extract_archive(archive, tmp_path / "into")
    (into / "corpus" / "README").write_bytes(b"mine")
    extract_archive(archive, into)
    archive.unlink()  # to save room
    extract_archive(archive, into)
    assert (into / "corpus" / "README").read_bytes() == b"mine"
    archive.write_bytes(tar_of({"other": b"y"}))
    with pytest.raises(
        CorpusError, match=r"was unpacked from another archive \(a\.tar, [\d,]+ bytes\).*remove the folder"
    ):
        extract_archive(archive, into)
    (tmp_path / "mine").mkdir()
    extract_archive(archive, tmp_path / "mine")  # an empty folder is as good as none
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(CorpusError, match=r"full exists and was not unpacked from a\.tar"):
        extract_archive(archive, tmp_path / "full")
    with pytest.raises(CorpusError, match=r"none\.tar is missing"):
        extract_archive(tmp_path / "none.tar", tmp_path / "none")


def test_only_wanted_members_are_written(tmp_path: Path) -> None:
    link = tar_file("corpus/link", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
    for name, content in (
        ("a.tar.gz", gzip.compress(tar_bytes(link, *(tar_file(*item) for item in FILES.items())))),
        ("a.zip", zip_of(FILES)),
    ):
        (tmp_path / name).write_bytes(content)
        into = extract_archive(tmp_path / name, tmp_path / f"{name}.d", members=lambda name: name.endswith(".wav"))
        assert tree(into) == {name: content for name, content in FILES.items() if name.endswith(".wav")}


def test_permissions_are_ours_and_owners_are_not_kept(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        folder = tar_file("d", b"", type=tarfile.DIRTYPE, mode=0o7777)
        (tmp_path / "a.tar").write_bytes(tar_bytes(folder, tar_file("d/f", b"#!/bin/sh\n", mode=0o6777, uid=12345)))
        into = extract_archive(tmp_path / "a.tar", tmp_path / "into")
    finally:
        os.umask(old)
    assert (into / "d").stat().st_mode == 0o40755
    assert (into / "d/f").stat().st_mode == 0o100644
    assert (into / "d/f").stat().st_uid == os.getuid()


def test_what_macos_adds_is_skipped_and_folders_may_repeat(tmp_path: Path) -> None:
    folder = tar_file("./c", b"", type=tarfile.DIRTYPE)
    root = tar_file("./", b"", type=tarfile.DIRTYPE)
    members = [root, folder, tar_file("./c/._a.wav"), tar_file("./c/a.wav"), folder, tar_file("__MACOSX/c/b")]
    (tmp_path / "a.tar").write_bytes(tar_bytes(*members, tar_file("c/.DS_Store")))
    assert tree(extract_archive(tmp_path / "a.tar", tmp_path / "into")) == {"c/a.wav": b"x"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "../../etc/passwd"}, "a symbolic link"),
        ({"type": tarfile.LNKTYPE, "linkname": "ok"}, "a hard link"),
        ({"type": tarfile.CHRTYPE}, "a character device"),
        ({"type": tarfile.BLKTYPE}, "a block device"),
        ({"type": tarfile.FIFOTYPE}, "a named pipe"),
        ({"type": tarfile.CONTTYPE}, r"of type b'7'"),
        ({"type": b"Z"}, r"of type b'Z'"),
    ],
)
def test_only_regular_files_and_folders_come_out_of_tar(tmp_path: Path, fields: dict, reason: str) -> None:
    message = refused(tmp_path, tar_bytes(tar_file("ok"), tar_file("bad", b"", **fields)))
    assert f"member 'bad' is refused: it is {reason}" in message


def test_sparse_files_are_refused(tmp_path: Path) -> None:
    headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1099511627776"}
    assert "a sparse file" in refused(tmp_path, tar_bytes(tar_file("bad", b"x", pax_headers=headers)))


def test_links_in_zip_are_refused(tmp_path: Path) -> None:
    for mode in (0o120777, 0o020666, 0o010644, 0o040755):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as opened:
            info = zipfile.ZipInfo("bad")
            info.external_attr = mode << 16
            opened.writestr(info, "/etc/passwd")
        assert "member 'bad' is refused: it is a link or device" in refused(tmp_path, buffer.getvalue())


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/cron.d/x", "absolute"),
        ("../x", "'..'"),
        ("a/../../x", "'..'"),
        ("a/..", "'..'"),
        ("C:/x", "drive letter"),
        ("c:x", "drive letter"),
        ("a\\..\\x", "backslash"),
        ("a\nb", "NUL or control character"),
        ("a" * 256, "longer than 255 bytes"),
        ("ä" * 128, "longer than 255 bytes"),
        ("a/" * 600 + "x", "1,024 are accepted".replace(",", "")),
        (".extracted.json", "reserved"),
        (".Extracted.JSON/x", "reserved"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, kind: str, name: str, reason: str) -> None:
    message = refused(tmp_path, KINDS[kind]({"ok": b"", name: b"x"}))
    assert "is refused: " in message
    assert reason in message


def test_nul_in_names(tmp_path: Path) -> None:
    pax = tar_bytes(tar_file("zzzz", pax_headers={"path": "a\0b"}))
    assert "NUL" in refused(tmp_path, pax)
    # the zip module cuts names at a NUL
    assert "NUL" in refused(tmp_path, zip_of({"abc": b""}).replace(b"abc", b"a\0c"))


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    content = tar_of({"abc": b""}, tarfile.USTAR_FORMAT)
    damaged = bytearray(content.replace(b"abc", b"a\xffc", 1))
    damaged[148:156] = b"%06o\0 " % (sum(damaged[:148]) + 8 * 32 + sum(damaged[156:512]))
    assert "not UTF-8" in refused(tmp_path, bytes(damaged))


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("a/x", "a/x", "its name repeats"),
        ("a/x", "./a//x", "its name repeats"),
        ("a/x", "a/X", "differs from 'a/x' only in case or Unicode"),
        ("a/X", "a/x", "only in case or Unicode"),
        ("a/X", "a/X", "its name repeats"),
        ("A/x", "a/y", "differs from 'A' only in case or Unicode"),
        ("caf\u00e9", "cafe\u0301", "only in case or Unicode"),
        ("cafe\u0301", "caf\u00e9", "only in case or Unicode"),
        ("STRASSE", "straße", "only in case or Unicode"),
        ("a", "a/x", "its name repeats"),
        ("a/x", "a", "its name repeats"),
        ("A", "a/x", "only in case or Unicode"),
        ("A/x", "a", "only in case or Unicode"),
        ("a/x", "A", "only in case or Unicode"),
    ],
)
def test_names_that_some_file_systems_take_for_the_same(
    tmp_path: Path, kind: str, first: str, second: str, reason: str
) -> None:
    if kind == "tar":
        content = tar_bytes(tar_file(first), tar_file(second))
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as opened:
            opened.writestr(first, b"x")
            opened.writestr(second, b"x")
        content = buffer.getvalue()
    assert reason in refused(tmp_path, content)


def test_encrypted_and_exotic_zip_members_are_refused(tmp_path: Path) -> None:
    content = bytearray(zip_of({"a": b"secret"}))
    content[content.index(b"PK\1\2") + 8] |= 1
    assert "member 'a' is refused: it is encrypted" in refused(tmp_path, bytes(content))
    assert "compression method 14" in refused(tmp_path, zip_of({"a": b"x"}, zipfile.ZIP_LZMA))


@pytest.mark.parametrize("kind", KINDS)
def test_limits_are_counted(tmp_path: Path, kind: str) -> None:
    content = KINDS[kind](FILES)
    total = sum(map(len, FILES.values()))
    ok = ExtractionLimits(total_bytes=total, member_bytes=70_000, members=len(FILES))
    (tmp_path / "ok").write_bytes(content)
    assert tree(extract_archive(tmp_path / "ok", tmp_path / "into", ok)) == FILES
    for limits, reason in (
        (ExtractionLimits(total_bytes=total - 1), f"unpacks to more than {total - 1:,} bytes"),
        (ExtractionLimits(member_bytes=69_999), "is larger than 69,999 bytes"),
        (ExtractionLimits(members=len(FILES) - 1), f"holds more than {len(FILES) - 1} members"),
    ):
        assert reason in refused(tmp_path, content, limits)


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_bombs_end_early(tmp_path: Path, kind: str) -> None:
    limits = ExtractionLimits(ratio=20.0, ratio_from_bytes=1_000_000)
    assert "a bomb" in refused(tmp_path, KINDS[kind]({"zeros": bytes(20_000_000)}), limits)


def test_a_bomb_in_members_that_are_not_wanted_ends_early(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(tar_of({"zeros": bytes(20_000_000), "ok": b""})))
    limits = ExtractionLimits(ratio=20.0, ratio_from_bytes=1_000_000)
    with pytest.raises(CorpusError, match="a bomb"):
        extract_archive(tmp_path / "a", tmp_path / "into", limits, members=lambda name: name == "ok")


def test_a_bomb_of_shared_bytes_ends_early(tmp_path: Path) -> None:
    # many entries of the central directory name the same compressed bytes
    content = zip_of({"a0": bytes(200_000)})
    at, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entries = b"".join(content[at:end].replace(b"a0", f"a{n}".encode()) for n in range(10))
    tail = bytearray(content[end:])
    tail[8:12] = (10).to_bytes(2, "little") * 2
    tail[12:16] = len(entries).to_bytes(4, "little")
    assert "cannot be read as zip" in refused(tmp_path, content[:at] + entries + bytes(tail))


def test_zip_entries_that_a_damaged_length_swallows_are_missed(tmp_path: Path) -> None:
    content = bytearray(zip_of({"a": b"x", "b": b"y"}))
    first, second, end = content.index(b"PK\1\2"), content.rindex(b"PK\1\2"), content.index(b"PK\5\6")
    content[first + 32] = end - second  # the length of the first entry's comment
    assert "does not hold the number of members" in refused(tmp_path, bytes(content))


@pytest.mark.slow
def test_zip_with_more_members_than_16_bits_count(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of({f"{n % 100}/{n}": b"" for n in range(2**16 + 5)}))
    assert len(tree(extract_archive(tmp_path / "a.zip", tmp_path / "into"))) == 2**16 + 5


def test_endless_headers_are_refused(tmp_path: Path) -> None:
    long_name = tar_file("a", b"", pax_headers={"comment": "x" * 1_000_000})
    assert "headers are too long" in refused(tmp_path, tar_bytes(long_name))
    chain = tar_file("a", b"\0", type=tarfile.GNUTYPE_LONGNAME)
    assert "cannot be read as tar" in refused(tmp_path, tar_bytes(*[chain] * 2000, format=tarfile.GNU_FORMAT))
    sparse = tar_file("a", b"9" * 3_000_000, pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})
    assert "cannot be read as tar" in refused(tmp_path, tar_bytes(sparse))


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_archives_are_refused_wherever_they_end(tmp_path: Path, kind: str) -> None:
    content = KINDS[kind](FILES)
    # the end of a plain tar is two blocks of zeros and padding: one block tells that it is whole
    whole = len(content.rstrip(b"\0")) + 512 if kind.endswith("tar") else len(content)
    cuts = {0, 1, 5, 511, 512, 513, 1024, 1536, whole - 1, whole // 2, *range(2_000, whole, 9_973)}
    for cut in sorted(cut for cut in cuts if cut < whole):
        assert refused(tmp_path, content[:cut])


def test_damaged_headers_are_refused(tmp_path: Path) -> None:
    content = bytearray(tar_of({"a": b"x", "b": b"y"}, tarfile.USTAR_FORMAT))
    content[1024 + 150] ^= 1  # the checksum of the second header
    assert "cannot be read as tar: the header at byte 1,024 is damaged" in refused(tmp_path, bytes(content))
    negative = bytearray(tar_of({"a": b"x"}, tarfile.GNU_FORMAT))
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b"%06o\0 " % (sum(negative[:148]) + 8 * 32 + sum(negative[156:512]))
    assert "cannot be read as tar" in refused(tmp_path, bytes(negative))
    assert "cannot be read as tar" in refused(tmp_path, b"<html>404</html>" * 100)
    assert "more data follow its end" in refused(tmp_path, tar_of({"a": b"x"}) + tar_of({"b": b"y"}))
    assert "cannot be read" in refused(tmp_path, gzip.compress(b"no tar" * 1000))


def test_several_xz_streams_and_their_padding(tmp_path: Path) -> None:
    content = tar_of(FILES)
    (tmp_path / "a").write_bytes(
        lzma.compress(content[:50_000]) + bytes(8) + lzma.compress(content[50_000:]) + bytes(4)
    )
    assert tree(extract_archive(tmp_path / "a", tmp_path / "into")) == FILES
    assert "cannot be read" in refused(tmp_path, lzma.compress(content) + b"garbage")


def test_a_killed_extraction_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of(FILES))
    script = (
        "import os, sys; from pathlib import Path; from kws_core.corpora.archive import extract_archive\n"
        "die = lambda name: name.endswith('two.wav') and os.kill(os.getpid(), 9) or True\n"
        "extract_archive(Path(sys.argv[1]), Path(sys.argv[2]), members=die)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.tar"), str(tmp_path / "into")]
    assert subprocess.run(command, timeout=60).returncode == -9
    assert not (tmp_path / "into").exists()
    assert (tmp_path / ".into.extracting" / "corpus/wav/S01/one.wav").exists()
    assert tree(extract_archive(tmp_path / "a.tar", tmp_path / "into")) == FILES
    assert not (tmp_path / ".into.extracting").exists()


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of(FILES))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from kws_core.corpora.archive import extract_archive; from kws_core.errors import CorpusError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "try: extract_archive(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except CorpusError as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.tar"), str(tmp_path / "into")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "no room on the disk to unpack it" in said.stdout
    assert said.stderr == ""
    assert not (tmp_path / ".into.extracting").exists()
