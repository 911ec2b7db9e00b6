"""The flow's stages up to `select` without a Prefect server: `python data_stages.py PRESET WORKSPACE`."""

import sys
from pathlib import Path

from flows.quiet import quieten

quieten()

from kws_core.config import Experiment  # noqa: E402 - telemetry is off before anything else is imported
from kws_core.presets import load_experiment  # noqa: E402
from tasks.align import align  # noqa: E402
from tasks.cut import cut  # noqa: E402
from tasks.featurise import featurise  # noqa: E402
from tasks.ingest import ingest  # noqa: E402
from tasks.places import Places  # noqa: E402
from tasks.select import select  # noqa: E402


def make_data(places: Places, experiment: Experiment) -> dict[str, str]:
    """Run the stages; returns the fingerprint of every dataset."""
    utterances = ingest.fn(places, experiment)
    words = align.fn(places, experiment, utterances)
    segments = cut.fn(places, experiment, utterances, words)
    features = featurise.fn(places, experiment, segments)
    selection, pairs = select.fn(places, experiment, segments)
    made = {"utterances": utterances, "words": words, "segments": segments, "features": features}
    return {**made, "selection": selection, "pairs": pairs}


if __name__ == "__main__":
    make_data(Places.in_workspace(Path(sys.argv[2])), load_experiment(Path(sys.argv[1])))
