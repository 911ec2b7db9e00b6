"""The list of licences: what a bill of materials and `licences.toml` say of every pin."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.supply.pins import Pin, canonical
from kws_core.errors import ConfigError

FACTS = Path(__file__).with_name("licences.toml")
COPYLEFT = re.compile(r"GPL|MPL|EPL|EUPL|CDDL|CC-BY-SA|General Public|Mozilla")
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU General Public License (GPL)": "GPL",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Titles of the package index's classifiers, and what they mean where nothing more exact is said."""


@dataclass(frozen=True)
class Facts:
    """What a person found out, by canonical name of the package; see `licences.toml`."""

    declared: dict[str, str]
    inside: dict[str, str]
    copyleft: dict[str, str]


@dataclass(frozen=True)
class Licensed:
    """A pinned package, its licence, and how it is used where that licence is a copyleft one."""

    name: str
    version: str
    licence: str
    use: str


def read_facts(path: Path = FACTS) -> Facts:
    """Read `licences.toml`."""
    sections = tomllib.loads(path.read_text(encoding="utf-8"))
    return Facts(**{title: {canonical(name): said for name, said in rows.items()} for title, rows in sections.items()})


def licences(bill: dict[str, Any], pins: list[Pin], facts: Facts) -> list[Licensed]:
    """The licence of every pin, by name, of a CycloneDX bill of what is installed.

    Raises:
        ConfigError: a pin is not installed in its version, a licence is unknown, nobody said how a copyleft package is
            used, or `licences.toml` speaks of what is not so.
    """
    components = {canonical(one["name"]): one for one in bill["components"]}
    listed = [_licensed(pin, components.get(pin.key), facts) for pin in pins]
    used = {canonical(one.name) for one in listed if one.use}
    if idle := sorted(facts.copyleft.keys() - used):
        raise ConfigError(f"{FACTS.name}: [copyleft] names {', '.join(idle)}, which no pin with such a licence has")
    keys = {pin.key for pin in pins}
    if idle := sorted((facts.declared.keys() | facts.inside.keys()) - keys):
        raise ConfigError(f"{FACTS.name}: {', '.join(idle)} is not pinned")
    return sorted(listed, key=lambda one: canonical(one.name))


def page(listed: list[Licensed]) -> str:
    """The list as Markdown."""
    rows = "".join(f"| {one.name} | {one.version} | {one.licence} |\n" for one in listed)
    copyleft = "".join(f"| {one.name} | {one.licence} | {one.use} |\n" for one in listed if one.use)
    return (
        "# Licences\n\nOf every pin of `requirements.lock`, and of torch; written by `make sbom` from the "
        "metadata of the installed\npackages and `licences.toml`. What a platform adds beyond them, such as the CUDA "
        "libraries of torch, is in the bill of\nmaterials only.\n\n"
        "## Copyleft, and how it is used\n\n| package | licence | use |\n|---|---|---|\n"
        f"{copyleft}\n## All\n\n| package | version | licence |\n|---|---|---|\n{rows}"
    )


def _licensed(pin: Pin, component: dict[str, Any] | None, facts: Facts) -> Licensed:
    if component is None:
        raise ConfigError(f"{pin.name}=={pin.version} is pinned and not installed; run `make` first")
    installed = str(component["version"]).partition("+")[0]  # torch+cpu
    if installed != pin.version:
        raise ConfigError(f"{pin.name}: {pin.version} is pinned and {installed} is installed; run `make` first")
    found = _declared(component)
    by_hand = facts.declared.get(pin.key)
    if (by_hand is None) == (not found):
        what = "its metadata names no licence, say it" if by_hand is None else f"its metadata says {found}, remove it"
        raise ConfigError(f"{FACTS.name}: {pin.name}: {what} in [declared]")
    licence = by_hand or found
    if inside := facts.inside.get(pin.key):
        licence += f"; inside {inside}"
    use = facts.copyleft.get(pin.key, "")
    if COPYLEFT.search(licence) and not use:
        raise ConfigError(
            f"{FACTS.name}: {pin.name} has the copyleft licence {licence}: say in [copyleft] how it is used"
        )
    return Licensed(pin.name, pin.version, licence, use if COPYLEFT.search(licence) else "")


def _declared(component: dict[str, Any]) -> str:
    """The licences that the metadata names, without those that say the same less exactly."""
    named: list[str] = []
    vague: list[str] = []
    for entry in component.get("licenses", []):
        licence = entry.get("license", {})
        if exact := entry.get("expression") or licence.get("id"):
            named.append(exact)
        elif licence.get("name", "").startswith("License :: OSI Approved ::"):
            title = licence["name"].rpartition(" :: ")[2]
            vague.append(CLASSIFIERS.get(title, title))
    named += [one for one in vague if not any(exact.startswith(one) for exact in named)]
    return ", ".join(dict.fromkeys(named))
