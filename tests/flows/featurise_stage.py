"""The stage `featurise` alone, without a Prefect server: `python featurise_stage.py PRESET WORKSPACE SEGMENTS`."""

import sys
from pathlib import Path

from flows.quiet import quieten

quieten()

from kws_core.presets import load_experiment  # noqa: E402 - telemetry is off before anything else is imported
from tasks.featurise import featurise  # noqa: E402
from tasks.places import Places  # noqa: E402

if __name__ == "__main__":
    preset, workspace, segments = sys.argv[1:]
    featurise.fn(Places.in_workspace(Path(workspace)), load_experiment(Path(preset)), segments)
