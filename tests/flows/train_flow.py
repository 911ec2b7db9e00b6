"""The flows `build-dataset` and `train`: `python train_flow.py PRESET WORKSPACE` prints what they return as JSON."""

import json
import sys
from pathlib import Path

from flows.quiet import quieten

quieten()

from flows.build_dataset import build_dataset  # noqa: E402 - telemetry is off before anything else is imported
from flows.train import train  # noqa: E402
from kws_core.presets import load_experiment  # noqa: E402
from tasks.places import Places  # noqa: E402

if __name__ == "__main__":
    places, experiment = Places.in_workspace(Path(sys.argv[2])), load_experiment(Path(sys.argv[1]))
    print(json.dumps({"datasets": build_dataset(places, experiment), "version": train(places, experiment)}))
