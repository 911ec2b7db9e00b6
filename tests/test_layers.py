"""What each package may import, and what none of them may call."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORCHESTRATORS = {"prefect", "ray", "mlflow"}


def sources(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def modules_after(statements: str) -> set[str]:
    """Names in `sys.modules` of a fresh interpreter that ran the statements."""
    code = f"{statements}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_all_of_kws_core_loads_no_orchestrator() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources("kws_core")]
    names = [name.removesuffix(".__init__") for name in names]
    loaded = modules_after("import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in names))
    assert set(names) <= loaded
    assert not ORCHESTRATORS & loaded


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("kws_core", ORCHESTRATORS | {"tasks", "flows"}), ("tasks", {"flows"})],
)
def test_no_import_statement_points_upwards(package: str, forbidden: set[str]) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(package)
        for name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if name.split(".")[0] in forbidden
    }
    assert not found


def test_spotter_needs_none_of_the_training_libraries() -> None:
    loaded = modules_after("import kws_core.spotter")
    assert "kws_core.spotter" in loaded
    assert not loaded & {"torch", "sklearn", "pyarrow", "fsspec", "onnx", "matplotlib", "pocketsphinx"}


def test_a_ray_worker_starts_without_prefect_and_mlflow() -> None:
    stages = ("ingest", "align", "cut", "featurise", "select", "search_trial", "refit", "streams", "embed", "prints")
    loaded = modules_after("\n".join(f"import tasks.{stage}" for stage in stages))
    assert "tasks.align" in loaded
    assert not loaded & {"prefect", "mlflow", "httpx"}


PICKLES = {"pickle", "_pickle", "cPickle", "pickle5", "dill", "joblib", "shelve", "marshal", "cloudpickle", "skops"}
LOADERS = {"numpy", "pandas", "torch", "yaml"}
LOADS = {"load", "loads", "load_all", "full_load", "unsafe_load", "read_pickle", "Unpickler"}


def unsafe(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and reason of everything that can execute or write what a file says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if PICKLES & set(alias.name.split(".")):
                    yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")
            for name in (alias.name for alias in node.names):
                # called by the bare name, the calls below would not be found
                if PICKLES & {*module, name} or (module[0] in LOADERS and name in LOADS):
                    yield node.lineno, f"from {node.module} import {name}"
        elif isinstance(node, ast.Call):
            yield from unsafe_call(node)


def unsafe_call(node: ast.Call) -> Iterator[tuple[int, str]]:
    called = ast.unparse(node.func)
    *owners, name = called.split(".")
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if called == "torch.load" and keywords.get("weights_only") != "True":
        yield node.lineno, "torch.load without weights_only=True"
    if keywords.get("allow_pickle", "False") != "False":
        yield node.lineno, f"{called} with pickles"
    if (
        (name in LOADS and (PICKLES | {"yaml"}) & set(owners))
        or called in {"torch.jit.load", "eval", "exec", "__import__"}
        or name in {"read_pickle", "extractall", "unpack_archive"}
    ):
        yield node.lineno, called


@pytest.mark.parametrize("package", ["kws_core", "tasks", "flows", "infra"])
def test_nothing_read_from_a_file_is_executed(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {reason}"
        for path in sources(package)
        for line, reason in unsafe(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader=x)",
        "archive.extractall(folder)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "from torch import load",
        "from ray import cloudpickle",
        "ray.cloudpickle.loads(content)",
        "pd.read_pickle(path)",
        "torch.jit.load(path)",
        "yaml.unsafe_load(text)",
    ],
)
def test_the_search_for_unsafe_calls_finds_them(code: str) -> None:
    assert list(unsafe(ast.parse(code)))


def test_the_search_for_unsafe_calls_passes_safe_ones() -> None:
    safe = (
        "from safetensors.numpy import load\ntorch.load(path, weights_only=True); yaml.safe_load(text); np.load(path)"
    )
    assert not list(unsafe(ast.parse(safe)))
