"""Training data for searches, in a store: `python search_input.py STORE WORKSPACE JSON` searches it.

Every label is a pattern under noise, so an epoch takes a fraction of a second.
"""

import json
import sys
from pathlib import Path
from typing import Any

from flows.quiet import quieten

quieten()

import numpy as np  # noqa: E402 - telemetry is off before anything else is imported
import pyarrow as pa  # noqa: E402

from kws_core import pairs as pairs_stage  # noqa: E402
from kws_core import selection as selection_stage  # noqa: E402
from kws_core.config import Experiment  # noqa: E402
from kws_core.manifest import Manifest  # noqa: E402
from kws_core.part import PartOutput, Quarantine  # noqa: E402
from kws_core.schemas import features_schema  # noqa: E402
from kws_core.store import Store  # noqa: E402
from tasks import featurise  # noqa: E402
from tasks.places import Places  # noqa: E402
from tasks.training_input import TrainingInput  # noqa: E402

LABELS = ("go", "left", "bed", "cat", "dog", "tree")
SPEAKERS = 24
FRAMES, COEFFICIENTS = 16, 8


def experiment(**sections: Any) -> Experiment:
    """A search of a few tiny trials; `sections` replace or, for `search`, extend the sections."""
    search = {
        "trials": 3,
        "max_epochs": 2,
        "grace_epochs": 1,
        "parallel_trials": 2,
        "space": {"loss.scale": {"low": 10, "high": 30}, "training.learning_rate": {"low": 1e-3, "high": 1e-2}},
        "encoders": [{"name": "res15", "maps": 4, "stem_pooling": [2, 2], "embedding_dim": 8}],
        **sections.pop("search", {}),
    }
    return Experiment.model_validate(
        {
            "name": "searched",
            "corpora": {"words": {"recipe": "manifest", "path": "words.tsv"}},
            "features": {"frames": FRAMES, "mel_bins": 12, "coefficients": COEFFICIENTS},
            "selection": {"keywords": ["go"], "pairs": 100, "out_of_vocabulary_share": 0, "min_train_segments": 2},
            "search": search,
            **sections,
        }
    )


def write_input(store: Store, settings: Experiment) -> TrainingInput:
    """Write features, selection and pair lists; the same ones each time."""
    index = [
        {
            "segment_id": f"s{speaker}-{label}",
            "corpus": "words",
            "speaker_id": f"s{speaker}",
            "split": "",
            "label": label,
            "word_start_s": 0.3,
            "word_end_s": 0.7,
        }
        for speaker in range(SPEAKERS)
        for label in LABELS
    ]
    rows = [{**row, "part": 0, "row": place} for place, row in enumerate(index)]
    selection = selection_stage.select(pa.Table.from_pylist(rows), settings.selection, frozenset())
    pairs = pairs_stage.draw_pairs(selection, frozenset(), settings.selection, seed=0)
    random = np.random.default_rng(0)
    patterns = {label: random.normal(size=(FRAMES, COEFFICIENTS)) for label in LABELS}
    noise = random.normal(size=(len(rows), FRAMES, COEFFICIENTS))
    values = (np.stack([patterns[row["label"]] for row in rows]) + noise).astype(np.float16)
    schema = features_schema(FRAMES, COEFFICIENTS)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), FRAMES * COEFFICIENTS)
    tensors = pa.ExtensionArray.from_storage(schema.field("features").type, flat)
    features = pa.table([[row["segment_id"] for row in rows], tensors], schema=schema)
    keys = {}
    for stage, table in ((featurise.STAGE, features), (selection_stage.STAGE, selection), (pairs_stage.STAGE, pairs)):
        part = store.write_part(stage, f"{stage}-0", "words", PartOutput(table, Quarantine(stage).table()))
        manifest = Manifest(stage, 1, (part,))
        store.write_manifest(manifest)
        keys[stage] = manifest.fingerprint
    return TrainingInput(
        features=keys[featurise.STAGE], selection=keys[selection_stage.STAGE], pairs=keys[pairs_stage.STAGE]
    )


if __name__ == "__main__":
    from tasks.search import search

    store_url, workspace, changes = sys.argv[1:]
    searched = experiment(**json.loads(changes))
    places = Places.in_workspace(Path(workspace), store_url)
    print(search.fn(places, searched, write_input(places.store(), searched)))
