"""A bundle needs nothing that trained it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws_core.backends.table import BACKENDS
from kws_core.bundle import (
    write_bundle,
)
from kws_core.spotter import Spotter

SERVICE = """
import json, pickle, sys
BLOCKED = ("torch", "sklearn", "scipy", "pandas", "pyarrow", "prefect", "ray", "mlflow", "onnx", "jinja2", "matplotlib")
for name in BLOCKED:
    sys.modules[name] = None

def refuse(*arguments, **keywords):
    raise AssertionError("pickle was asked to load")

pickle.load = pickle.loads = pickle.Unpickler = refuse
import numpy as np
from kws_core.spotter import Spotter

spotter = Spotter.load(sys.argv[1])
windows = np.load(sys.argv[2], allow_pickle=False)
found = [[c.keyword, c.score, c.accepted] for c in spotter.classify(windows)]
events = [[d.keyword, d.start_s] for d in spotter.detect(windows.ravel())]
print(json.dumps({"classified": found, "detected": events}))
"""


@pytest.mark.parametrize("decision", BACKENDS)
def test_a_bundle_works_in_service_without_what_trained_it(spoken, tmp_path, decision):
    from kws_core.embeddings import segment_window

    bundle = write_bundle(tmp_path / "bundle", spoken.contents, {**spoken.description, "decision": decision})
    windows = np.stack([segment_window(row) for row in spoken.segments.slice(0, 14).to_pylist()])
    np.save(tmp_path / "windows.npy", windows)
    root = Path(__file__).parents[3]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", SERVICE, bundle.folder, tmp_path / "windows.npy"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    spotter = Spotter(bundle)
    expected = spotter.classify(windows)
    assert [(row[0], row[2]) for row in answer["classified"]] == [(c.keyword, c.accepted) for c in expected]
    np.testing.assert_allclose([row[1] for row in answer["classified"]], [c.score for c in expected], atol=1e-5)
    assert [tuple(row) for row in answer["detected"]] == [
        (event.keyword, event.start_s) for event in spotter.detect(windows.ravel())
    ]
    labels = spoken.segments["label"].to_pylist()[:14]
    accepted = [c.keyword for c in expected if c.accepted]
    assert len(accepted) >= 3
    assert set(accepted) <= set(labels)
