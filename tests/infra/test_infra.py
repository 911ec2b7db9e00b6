"""The files of infra/: they parse, what they name exists, and nothing is open or secret by default."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml

from flows.cli import app

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
YAML = sorted(INFRA.rglob("*.yaml")) + sorted(INFRA.rglob("*.yml"))
DOCKERFILES = sorted(INFRA.rglob("Dockerfile*"))
TEXTS = [*YAML, *DOCKERFILES, *sorted(INFRA.rglob("*.md"))]
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
KUBERNETES = [
    document
    for path in sorted((INFRA / "kubernetes" / "base").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


def named(path: Path) -> str:
    return str(path.relative_to(INFRA))


def strings(value: Any) -> Iterator[str]:
    """Every string in a document, and every list of them as a command line."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from strings(entry)
    elif isinstance(value, list):
        if value and all(isinstance(entry, str) for entry in value):
            yield shlex.join(value)
        for entry in value:
            yield from strings(entry)


def commands() -> list[tuple[str, list[str]]]:
    """Everything that starts with `kws`: lines of blocks and comments, and commands of containers."""
    found = []
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        lines = re.findall(r"^(?:#? {3,}|\$ )(kws .*)$", text, re.MULTILINE) + re.findall(r"`(kws [a-z][^`]*)`", text)
        if path in YAML:
            for document in yaml.safe_load_all(text):
                lines += [line for line in strings(document) if line.startswith("kws ")]
        found += [(named(path), shlex.split(line, comments=True)[1:]) for line in lines]
    return found


@pytest.mark.parametrize("path", YAML, ids=named)
def test_yaml_parses_and_has_no_key_twice(path: Path) -> None:
    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value if key.value != "<<"]
            assert len(keys) == len(set(keys)), f"{path}: {keys}"
            return super().construct_mapping(node, deep)

    documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Strict))
    assert all(documents)


def test_every_kws_command_parses() -> None:
    group = typer.main.get_command(app)
    found = commands()
    assert {words[0] for _, words in found} >= {"retrain", "serve", "doctor", "gc", "ingest"}
    for where, words in found:
        command = group.get_command(None, words[0])  # type: ignore[arg-type]
        assert command is not None, f"{where}: kws {' '.join(words)}"
        if len(words) > 1:
            assert command.make_context(words[0], words[1:]).info_name == words[0], where
        else:
            command.make_context(words[0], [], resilient_parsing=True)


def test_every_path_exists() -> None:
    pattern = r"(?<![\w./-])((?:infra|kws_core|tasks|flows|tests)/[\w./-]*[\w/])"
    for path in TEXTS:
        for name in re.findall(pattern, path.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{named(path)}: {name}"
    for path in DOCKERFILES:
        for line in re.findall(r"^COPY (?!--from)(?:--\S+ )*(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            *sources, _ = line.split()
            assert all((ROOT / source).exists() for source in sources), f"{named(path)}: {line}"
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (INFRA / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    kustomization, *_ = (one for one in KUBERNETES if one["kind"] == "Kustomization")
    files = {path.name for path in (INFRA / "kubernetes" / "base").glob("*.yaml")}
    assert set(kustomization["resources"]) == files - {"kustomization.yaml"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=named)
def test_images_are_pinned_and_run_as_nobody_special(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, re.MULTILINE)
    names = {stage for _, stage in stages}
    for image, _ in stages:
        assert image in names or re.search(r":[\w.-]*\d+\.\d+[\w.-]*$", image), image
    assert re.search(r"^USER kws$", text, re.MULTILINE)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for package, version in re.findall(r"(\S+)==(\S+)", text):
        pinned = re.search(rf"^{package}==(\S+)", lock, re.MULTILINE)
        assert pinned is None or pinned[1] == version
    for line in re.findall(r"pip install (.*)$", text, re.MULTILINE):
        assert "==" in line or "requirements.lock" in line or "--no-deps ." in line, line
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"torch==\S+", text)) <= set(re.findall(r"torch==[\d.]+", makefile))


def test_containers_are_pinned_bounded_and_on_loopback() -> None:
    for name, service in SERVICES.items():
        assert re.search(r":[\w.-]*\d[\w.-]*$", service["image"]), name
        assert "latest" not in service["image"]
        assert {"mem_limit", "cpus", "cap_drop", "restart"} <= set(service), name
        assert "privileged" not in service
        for port in service.get("ports", []):
            assert port.startswith("${KWS_BIND:-127.0.0.1}:"), f"{name}: {port}"
        for needed in service.get("depends_on", {}):
            assert needed in SERVICES
            condition = service["depends_on"][needed]["condition"]
            assert condition != "service_healthy" or "healthcheck" in SERVICES[needed], f"{name}: {needed}"
    ours = {service["image"] for service in SERVICES.values() if service["image"].startswith("kws-foundry:")}
    built = "\n".join(path.read_text(encoding="utf-8") for path in DOCKERFILES)
    assert all(f"--tag {image} " in built for image in ours)


def test_no_secret_has_a_default() -> None:
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|ROOT_USER|AUTH_STRING|WEBHOOK|STORE_URI")
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable) or "://kws:" in value:
                assert re.search(r"\$\{[A-Z0-9_]+(:\?[^}]+|:-)\}", value), f"{name}: {variable}"
        for word in strings(service.get("command", [])):
            assert not re.search(r"\$\{?[A-Z_]*(PASSWORD|SECRET|TOKEN)", word.replace("$$", "")), f"{name}: {word}"
    for pod in pods():
        for variable in (entry for container in pod["containers"] for entry in container.get("env", [])):
            assert "value" not in variable or not secret.search(variable["name"])
    plain = next(one for one in KUBERNETES if one["kind"] == "ConfigMap")["data"]
    assert not [name for name in plain if secret.search(name)]


def pods() -> list[dict[str, Any]]:
    found = []
    for one in KUBERNETES:
        if one["kind"] == "Deployment":
            found.append(one["spec"]["template"]["spec"])
        if one["kind"] == "RayCluster":
            found.append(one["spec"]["headGroupSpec"]["template"]["spec"])
            found += [group["template"]["spec"] for group in one["spec"]["workerGroupSpecs"]]
    return found


def test_pods_are_bounded_unprivileged_and_closed() -> None:
    assert len(pods()) == 6
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["resources"]["limits"]["memory"]
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert re.search(r":\d+\.\d+\.\d+", container["image"])
    policies = {one["metadata"]["name"]: one["spec"] for one in KUBERNETES if one["kind"] == "NetworkPolicy"}
    assert policies["nothing-comes-in"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    accounts = {one["metadata"]["name"] for one in KUBERNETES if one["kind"] == "ServiceAccount"}
    assert {pod["serviceAccountName"] for pod in pods()} <= accounts


@pytest.mark.parametrize("overlay", ["small", "large"])
def test_overlays_patch_what_is_there(overlay: str) -> None:
    path = INFRA / "kubernetes" / "overlays" / overlay / "kustomization.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (path.parent / document["resources"][0] / "kustomization.yaml").exists()
    for patch in document["patches"]:
        wanted = patch["target"]
        (target,) = (
            one
            for one in KUBERNETES
            if (one["kind"], one.get("metadata", {}).get("name")) == (wanted["kind"], wanted["name"])
        )
        for change in yaml.safe_load(patch["patch"]):
            place: Any = target
            for step in change["path"].strip("/").split("/"):
                place = place[int(step)] if isinstance(place, list) else place[step]
            assert change["op"] == "remove" or type(place) is type(change["value"])


@pytest.mark.parametrize("path", sorted((INFRA / "ray").glob("*.yaml")), ids=named)
def test_ray_clusters_fit_rays_schema_and_have_a_token(path: Path) -> None:
    import importlib.util

    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    spec = importlib.util.find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    schema = Path(spec.origin).parent / "autoscaler" / "ray-schema.json"
    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))
    types = document["available_node_types"]
    assert document["head_node_type"] in types
    assert "spot" not in json.dumps(types["head"]).lower()
    assert all("spot" in json.dumps(types[name]).lower() for name in types if name != "head")
    assert sum(one.get("max_workers", 0) for one in types.values()) <= document["max_workers"]
    starts = [
        line
        for key in ("head_start_ray_commands", "worker_start_ray_commands")
        for line in document[key]
        if "ray start" in line
    ]
    assert len(starts) == 2
    assert all(line.startswith("RAY_AUTH_MODE=token ") for line in starts)
    assert "/home/kws/.ray/auth_token" in document["file_mounts"]


def test_every_ray_of_compose_has_the_token() -> None:
    for name, service in SERVICES.items():
        if "ray start" in " ".join(strings(service.get("command", ""))):
            environment = service["environment"]
            assert environment["RAY_AUTH_MODE"] == "token", name
            assert environment["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?"), name


def test_every_port_is_in_the_table() -> None:
    table = (INFRA / "README.md").read_text(encoding="utf-8")
    ports = {port.rpartition(":")[2] for service in SERVICES.values() for port in service.get("ports", [])}
    ports |= {str(port["port"]) for one in KUBERNETES if one["kind"] == "Service" for port in one["spec"]["ports"]}
    assert ports
    for port in ports:
        assert f"\n| {port} | " in table
