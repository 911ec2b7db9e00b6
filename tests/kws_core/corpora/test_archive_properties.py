"""Hostile archives from hypothesis: a refusal, or a tree that lies inside the target and is what was packed."""

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.corpora.archive import ExtractionLimits, extract_archive
from kws_core.errors import CorpusError

LIMITS = ExtractionLimits(total_bytes=10**6, member_bytes=10**6, members=100)
PACKERS = {"tar": bytes, "gz": lambda content: gzip.compress(content, 1), "bz2": bz2.compress, "xz": lzma.compress}

PIECES = st.sampled_from(
    [
        "a",
        "A",
        "b.wav",
        "..",
        ".",
        "",
        "...",
        "~",
        "C:",
        "con",
        "é",
        "e\u0301",
        "\u202e",
        "x" * 300,
        "a\\b",
        "a\0b",
        " ",
    ]
)
NAMES = st.one_of(st.lists(PIECES, min_size=1, max_size=4).map("/".join), st.text(max_size=20))
TYPES = st.sampled_from([tarfile.REGTYPE] * 8 + [bytes([kind]) for kind in b"\x001234567KLSVgxX"])
TAR_MEMBERS = st.lists(st.tuples(NAMES, TYPES, st.binary(max_size=600), NAMES), max_size=6)
ZIP_MODES = st.sampled_from([0, 0o100644, 0o100644, 0o120777, 0o040755, 0o020666, 0o010666])
ZIP_MEMBERS = st.lists(st.tuples(NAMES, ZIP_MODES, st.binary(max_size=600), st.booleans()), max_size=6)

VALID = {"c/one.wav": bytes(range(256)) * 5, "c/D/two.wav": b"\0" * 700, "c/empty": b"", "README": b"text"}


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def extracted(content: bytes) -> dict[str, bytes] | None:
    """Extract into a folder with a neighbour; None: refused. Nothing outside the target is ever touched."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "a.bin").write_bytes(content)
        (root / "in").mkdir()
        (root / "neighbour").write_bytes(b"untouched")
        try:
            into = extract_archive(root / "a.bin", root / "in" / "to", LIMITS)
        except CorpusError as error:
            message = str(error)
            assert message.startswith(str(root / "a.bin"))
            assert "\n" not in message
            assert {path.name for path in (root / "in").iterdir()} == {".to.lock"}
            result = None
        else:
            assert {path.name for path in (root / "in").iterdir()} == {".to.lock", "to"}
            assert not any(path.is_symlink() for path in into.rglob("*"))
            files = [path for path in into.rglob("*") if not path.is_dir()]
            assert all(path.is_file() and path.stat().st_nlink == 1 for path in files)
            (into / ".extracted.json").unlink()
            result = {str(path.relative_to(into)): path.read_bytes() for path in files if path.exists()}
        assert {path.name for path in root.iterdir()} == {"a.bin", "in", "neighbour"}
        assert (root / "neighbour").read_bytes() == b"untouched"
        return result


def plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


@settings(max_examples=60, deadline=None)
@given(TAR_MEMBERS, st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]), st.sampled_from(sorted(PACKERS)))
def test_hostile_tar(members: list[tuple[str, bytes, bytes, str]], format: int, packer: str) -> None:
    buffer = io.BytesIO()
    try:
        with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
            for name, kind, content, link in members:
                info = tarfile.TarInfo(name)
                info.type, info.linkname, info.size = kind, link, len(content)
                tar.addfile(info, io.BytesIO(content))
    except (ValueError, UnicodeError):
        return  # a name that the writer cannot encode
    tree = extracted(PACKERS[packer](buffer.getvalue()))
    if tree is not None:
        assert all(".." not in Path(name).parts for name in tree)
        # a name ends at a NUL, or does not, as the format has it
        if all(kind == tarfile.REGTYPE and "\0" not in name for name, kind, _, _ in members):
            packed = {plain(name.rstrip("/")): content for name, _, content, _ in members if not name.endswith("/")}
            assert {name: content for name, content in packed.items() if name} == tree


@settings(max_examples=60, deadline=None)
@given(ZIP_MEMBERS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_zip(members: list[tuple[str, int, bytes, bool]]) -> None:
    buffer = io.BytesIO()
    try:
        with zipfile.ZipFile(buffer, "w") as opened:
            for name, mode, content, deflated in members:
                info = zipfile.ZipInfo("x")
                info.filename = info.orig_filename = name  # as it is: the constructor would mend it
                info.external_attr = mode << 16
                opened.writestr(info, content, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    except (ValueError, UnicodeError):
        return
    tree = extracted(buffer.getvalue())
    if tree is not None:
        packed = {plain(name): content for name, _, content, _ in members if not name.endswith("/")}
        assert {name: content for name, content in packed.items() if name} == tree


MUTATIONS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)
ARCHIVES = {"zip": zip_of(VALID), **{kind: pack(tar_of(VALID)) for kind, pack in PACKERS.items()}}


def check_mutated(kind: str, mutations: list[tuple[float, int]]) -> None:
    content = bytearray(ARCHIVES[kind])
    for where, value in mutations:
        content[int(where * len(content))] = value
    tree = extracted(bytes(content))
    if tree is not None and kind in ("gz", "bz2", "xz"):
        assert tree == VALID  # every byte that matters has a checksum
    if tree is not None and kind == "zip":
        # names are in two places without one: two changes may agree; contents are checked
        assert sorted(tree.values()) == sorted(VALID.values())


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(ARCHIVES)), MUTATIONS)
def test_mutated_archives(kind: str, mutations: list[tuple[float, int]]) -> None:
    check_mutated(kind, mutations)


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(st.sampled_from(sorted(ARCHIVES)), MUTATIONS)
def test_many_mutated_archives(kind: str, mutations: list[tuple[float, int]]) -> None:
    check_mutated(kind, mutations)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(ARCHIVES))
def test_each_byte_mutated(kind: str) -> None:
    size = len(ARCHIVES[kind])
    for at in range(0, size, 1 if size < 3000 else 7):
        check_mutated(kind, [((at + 0.5) / size, ARCHIVES[kind][at] ^ 0xFF)])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(ARCHIVES)), st.floats(0, 1, exclude_max=True))
def test_truncated_archives(kind: str, share: float) -> None:
    tree = extracted(ARCHIVES[kind][: int(share * len(ARCHIVES[kind]))])
    # only the padding of a plain tar may be missing
    assert tree is None or (kind == "tar" and tree == VALID)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2000), st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0"]))
def test_noise_is_refused(noise: bytes, start: bytes) -> None:
    tree = extracted(start + noise)
    assert tree in (None, {})
