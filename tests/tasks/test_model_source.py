"""`Spotter.load` on a registry's address: what a library user types."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "kws_core"))
from keyword_bundles import make_keyword_bundle

ROOT = Path(__file__).parents[2]
LIBRARY = """
import sys, time
for name in ("torch", "mlflow", "prefect", "ray", "onnx", "pyarrow", "sklearn", "scipy", "pandas"):
    sys.modules[name] = None
started = time.perf_counter()
from kws_core import Spotter
import numpy as np
from kws_core.errors import BundleError, RegistryError
spotter = Spotter.load(sys.argv[1])
window = np.zeros(16000, np.float32)
(answer,) = spotter.classify(window)
stream = spotter.stream()
assert stream.push(window) == [] and stream.finish() == []
refused = {
    "models:/tiny@champion": "needs MLflow, and mlflow is not installed",
    "hub:/tiny": "'hub:/' is unknown; a folder or models:/",
}
for address, told in refused.items():
    try:
        Spotter.load(address)
    except (BundleError, RegistryError) as error:
        assert told in str(error), error
    else:
        raise AssertionError(address)
print(time.perf_counter() - started)
"""


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory):
    return make_keyword_bundle(tmp_path_factory.mktemp("small"), ("computer", "umbrella"))


def test_the_library_needs_no_orchestrator_and_says_what_a_registry_needs(small_bundle):
    command = [sys.executable, "-W", "error", "-c", LIBRARY, small_bundle.folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_registered_bundle_is_loaded_by_its_address(small_bundle, tmp_path, monkeypatch):
    from kws_core import Spotter
    from kws_core.errors import ConfigError, RegistryError
    from tasks import registry

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ConfigError, match="tiny: no registry at runs/tiny"):
        Spotter.load("models:/tiny@champion")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    client = registry.client(uri)
    client.create_registered_model("tiny")
    source = small_bundle.folder.resolve().as_uri()
    version = client.create_model_version("tiny", source, tags={registry.BUNDLE_TAG: small_bundle.fingerprint})
    client.set_registered_model_alias("tiny", "champion", version.version)
    for address in ("models:/tiny@champion", "models:/tiny/1"):
        spotter = Spotter.load(address)
        assert spotter.keywords == small_bundle.description.keywords
        assert Path(spotter.bundle.encoder_path).exists()
        assert len(spotter.classify(np.zeros((2, 16000), np.float32))) == 2
    with pytest.raises(RegistryError, match="models:/tiny/9"):
        Spotter.load("models:/tiny/9")
