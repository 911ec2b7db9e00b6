"""The flow's stages up to `select` without a Prefect server: `python data_stages.py PRESET WORKSPACE [words]`.

With `words` they end after the alignment.
"""

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


def make_words(places: Places, experiment: Experiment) -> dict[str, str]:
    """Run the stages up to the alignment; returns the fingerprint of both datasets."""
    utterances = ingest.fn(places, experiment)
    return {"utterances": utterances, "words": align.fn(places, experiment, utterances)}


def make_data(places: Places, experiment: Experiment) -> dict[str, str]:
    """Run the stages; returns the fingerprint of every dataset."""
    made = make_words(places, experiment)
    segments = cut.fn(places, experiment, made["utterances"], made["words"])
    features = featurise.fn(places, experiment, segments)
    selection, pairs = select.fn(places, experiment, segments)
    return {**made, "segments": segments, "features": features, "selection": selection, "pairs": pairs}


if __name__ == "__main__":
    make = make_words if sys.argv[3:] == ["words"] else make_data
    make(Places.in_workspace(Path(sys.argv[2])), load_experiment(Path(sys.argv[1])))
