"""The supply chain: every pin has hashes that pip enforces, and the list of licences is that of the lock."""

import base64
import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from packaging.requirements import Requirement

from infra.supply.audit import Audit, read_answers
from infra.supply.licences import Facts, licences, page, read_facts
from infra.supply.lock import with_hashes
from infra.supply.pins import Pin, canonical, read_packages, read_pins, write_pins
from infra.supply.sbom import LIST, bill_of_materials
from infra.supply.tools import ENVIRONMENT, LOCK, TOOLS_LOCK, torch_pin
from kws_core.errors import ConfigError

needs_tools = pytest.mark.skipif(
    not (ENVIRONMENT / ".ready").exists(), reason=f"the tools are not installed: make {ENVIRONMENT.name}/.ready"
)


@pytest.mark.parametrize("path", [LOCK, TOOLS_LOCK], ids=["lock", "tools"])
def test_every_pin_has_hashes_and_is_as_the_command_writes_it(path: Path, tmp_path: Path) -> None:
    pins = read_pins(path)
    assert [pin.title for pin in pins if not pin.hashes] == []
    assert "torch" not in {pin.key for pin in pins}
    write_pins(tmp_path / "again.lock", pins)
    assert (tmp_path / "again.lock").read_bytes() == path.read_bytes()


def test_what_pins_ask_of_each_other_is_pinned() -> None:
    pinned: defaultdict[str, set[str]] = defaultdict(set)
    for pin in read_pins(LOCK):
        pinned[pin.key] |= {"", *pin.extras}
    outside = {"torch", "pip", "setuptools"}
    missing = set()
    for name in [*pinned]:
        for line in importlib.metadata.requires(name) or []:
            wanted = Requirement(line)
            if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in pinned[name]):
                continue
            key = canonical(wanted.name)
            if not {"", *wanted.extras} <= pinned.get(key, set()) and key not in outside:
                missing.add(f"{name} needs {wanted}")
    assert missing == set()


def test_the_list_of_licences_is_that_of_the_lock() -> None:
    text = LIST.read_text(encoding="utf-8")
    head, _, table = text.partition("## All")
    listed = re.findall(r"^\| (\S+) \| (\S+) \| (\S.*) \|$", table, re.MULTILINE)[1:]
    pins = [*read_packages(LOCK), torch_pin()]
    assert sorted(row[:2] for row in listed) == sorted((pin.name, pin.version) for pin in pins)
    rows = re.findall(r"^\| (\S+) \| (.+) \| (.+) \|$", head, re.MULTILINE)[1:]
    uses = {canonical(name): use for name, _, use in rows}
    assert uses == read_facts().copyleft
    copyleft = {canonical(name) for name, _, licence in listed if "GPL" in licence or "MPL" in licence}
    assert copyleft == uses.keys()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("flask>=3\n", "row 1: 'flask>=3' is no pin"),
        ("# pins\nflask==3 \\\n  --hash=md5:00\n", "row 2: 'flask==3 --hash=md5:00' is no pin"),
        (f"flask==3 --hash=sha256:{'0' * 63}\n", "is no pin; NAME==VERSION --hash=sha256:"),
        ("a.b==1\nA_b==1\n", "row 2: A_b is pinned twice"),
        ("ray==2\nray[data]==1\n", r"ray\[data\]==1 is pinned without ray==1"),
        ("ray[data]==1\n", r"ray\[data\]==1 is pinned without ray==1"),
    ],
)
def test_what_is_no_lock_is_refused(lines: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(lines)
    with pytest.raises(ConfigError, match=told):
        read_pins(path)


@pytest.mark.slow
def test_pip_refuses_a_file_with_another_hash(tmp_path: Path) -> None:
    wheel, digest = _wheel(tmp_path)
    lock = tmp_path / "requirements.lock"
    write_pins(lock, [Pin("tiny", "1.0", ("f" * 64, digest))])
    options = ["--no-index", "--find-links", str(wheel.parent), "--require-hashes", "--dest", str(tmp_path / "got")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, "--requirement", str(lock)]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 0
    write_pins(lock, [Pin("tiny", "1.0", ("f" * 64,))])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_advisories_are_told_apart_from_pins_that_nobody_was_asked_about() -> None:
    clean = {"name": "a", "version": "1", "vulns": []}
    weak = {
        "name": "b",
        "version": "2",
        "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}, {"id": "CVE-2", "fix_versions": []}],
    }
    skipped = {"name": "c", "skip_reason": "not found"}
    assert read_answers([clean, weak, skipped]) == Audit(
        ("b 2: CVE-1, mended in 3", "b 2: CVE-2, mended in none yet"), ("c: not found",)
    )
    with pytest.raises(ConfigError, match=r"cannot be reached from here, so nothing is known .* \(c: not found\)"):
        read_answers([skipped, skipped])


BILL = {
    "components": [
        {"name": "Some_Name", "version": "1.0", "licenses": [{"expression": "MIT"}]},
        {"name": "torch", "version": "2.0+cpu", "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
        {"name": "free", "version": "1", "licenses": [{"license": {"name": "License :: OSI Approved :: BSD License"}}]},
        {"name": "left", "version": "1", "licenses": [{"license": {"id": "GPL-3.0-or-later"}}]},
        {"name": "mute", "version": "1", "licenses": [{"license": {"name": "declared license file: LICENSE"}}]},
    ]
}
PINS = [Pin("some-name", "1.0"), Pin("torch", "2.0"), Pin("free", "1"), Pin("left", "1"), Pin("mute", "1")]
FACTS = Facts({"mute": "ISC"}, {"free": "LGPL-2.1"}, {"left": "by tests", "free": "loaded"})


def test_licences_come_from_metadata_and_from_people_where_it_is_mute() -> None:
    listed = licences(BILL, PINS, FACTS)
    assert [(one.name, one.licence, one.use) for one in listed] == [
        ("free", "BSD; inside LGPL-2.1", "loaded"),
        ("left", "GPL-3.0-or-later", "by tests"),
        ("mute", "ISC", ""),
        ("some-name", "MIT", ""),
        ("torch", "BSD-3-Clause", ""),
    ]
    assert "| left | GPL-3.0-or-later | by tests |" in page(listed)


@pytest.mark.parametrize(
    ("pins", "facts", "told"),
    [
        ([*PINS, Pin("gone", "1")], FACTS, "gone==1 is pinned and not installed"),
        ([Pin("free", "2")], FACTS, "free: 2 is pinned and 1 is installed"),
        (PINS, replace(FACTS, declared={}), r"mute: its metadata names no licence, say it in \[declared\]"),
        (PINS, replace(FACTS, declared={"mute": "ISC", "free": "MIT"}), "free: its metadata says BSD, remove it"),
        (PINS, replace(FACTS, copyleft={"free": "loaded"}), r"left has the copyleft licence GPL-3.0-or-later: say in"),
        (PINS, replace(FACTS, copyleft={**FACTS.copyleft, "mute": "x"}), r"\[copyleft\] names mute"),
        (PINS, replace(FACTS, inside={**FACTS.inside, "other": "x"}), "other is not pinned"),
    ],
)
def test_a_list_that_would_not_be_true_is_not_written(pins: list[Pin], facts: Facts, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        licences(BILL, pins, facts)


@needs_tools
@pytest.mark.slow
def test_hashes_are_those_that_the_index_of_pip_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, digest = _wheel(tmp_path)
    hashes = {wheel.name: digest, "tiny-1.0-cp311-cp311-win_amd64.whl": "1" * 64, "tiny-1.0.tar.gz": "2" * 64}
    with _Index({"tiny": hashes, "source": {"source-1.0.tar.gz": "3" * 64}}) as address:
        monkeypatch.setenv("PIP_INDEX_URL", address)
        pins = [Pin("Tiny", "1.0"), Pin("Tiny", "1.0", (), ("extra",)), Pin("source", "1.0")]
        tiny, extra, source = with_hashes(pins)
        assert (set(tiny.hashes), tiny.name) == ({digest, "1" * 64}, "Tiny")
        assert (extra.hashes, extra.extras) == (tiny.hashes, ("extra",))
        assert source.hashes == ("3" * 64,)
        with pytest.raises(ConfigError, match="could not be asked for the files of 1 pins"):
            with_hashes([Pin("tiny", "9.0")])


@needs_tools
@pytest.mark.slow
def test_the_bill_of_materials_names_all_that_is_installed_and_the_committed_list_is_its() -> None:
    bill = bill_of_materials(sys.executable)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    installed = {canonical(one.metadata["Name"]) for one in importlib.metadata.distributions()}
    assert installed - {"kws-foundry"} <= {canonical(one["name"]) for one in bill["components"]}
    assert page(licences(bill, [*read_packages(LOCK), torch_pin()], read_facts())) == LIST.read_text(encoding="utf-8")


def _wheel(folder: Path) -> tuple[Path, str]:
    """A wheel of nothing, in a folder of its own, and its SHA-256."""
    path = folder / "files" / "tiny-1.0-py3-none-any.whl"
    path.parent.mkdir()
    files = {
        "tiny.py": "",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for name, text in files.items()
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "tiny-1.0.dist-info/RECORD": "\n".join(rows)}.items():
            archive.writestr(name, text)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


class _Index:
    """A package index of PEP 691 on loopback, of packages with the hashes of their files; gives its address."""

    def __init__(self, packages: dict[str, dict[str, str]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/").rpartition("/")[2]
                files: list[dict[str, Any]] = [
                    {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": digest}}
                    for file, digest in packages.get(name, {}).items()
                ]
                body = json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files}).encode()
                self.send_response(200 if name in packages else 404)
                self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/simple"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
