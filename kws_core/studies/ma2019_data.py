"""Training data and pair lists of the study `ma2019`, from the pipeline's own selection."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.errors import SelectionError
from kws_core.pairs import CONFUSABLE, draw_pairs
from kws_core.selection import INDEX, class_labels, select
from kws_core.studies.alignment_gate_config import AlignmentGateStudyConfig
from kws_core.studies.data import StudyData
from kws_core.studies.ma2019_config import Ma2019Config
from kws_core.training_data import TrainingData

DEVELOPMENT = "development "
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class MaData:
    """What is trained on, and the trials: left rows, right rows and same label, rows being the study's."""

    training: TrainingData
    """Its trials are those of development."""
    tests: dict[str, Pairs]


def ma_data(data: StudyData, config: Ma2019Config | AlignmentGateStudyConfig) -> MaData:
    """Select training classes and draw the pair lists, as a retrain does.

    Raises:
        SelectionError: there are no development trials of both vocabularies or no test trials.
    """
    uses = {name: corpus.use for name, corpus in config.corpora.items()}
    held_out, always = (frozenset(n for n, use in uses.items() if use == wanted) for wanted in ("test", "train"))
    selection = select(_index(data), config.selection, held_out, always)
    rows = selection["row"].to_numpy().astype(np.int64)
    split = np.array(selection["split"].to_pylist())
    label_ids = np.full(len(data.labels), -1, np.int64)
    label_ids[rows] = selection["label_id"].to_numpy()
    names = class_labels(selection)
    lists = _lists(selection, draw_pairs(selection, held_out, config.selection, config.pair_seed))
    development = {name: pairs for name, pairs in lists.items() if name.startswith(DEVELOPMENT)}
    tests = {name: pairs for name, pairs in lists.items() if name not in development}
    if len(development) < 2 or not tests:
        raise SelectionError(
            "no development trials of known and of unknown words, or no test trials: more speakers must share words"
        )
    training = TrainingData(
        features=data.features,
        label_ids=label_ids,
        word_frames=data.word_frames,
        train=np.sort(rows[(split == "train") & (label_ids[rows] >= 0)]),
        trials=development,
        classes=len(names),
        class_names=tuple(names),
        development=np.sort(rows[(split == "development") & (label_ids[rows] >= 0)]),
    )
    return MaData(training, tests)


def _index(data: StudyData) -> pa.Table:
    """Rows as the selection reads them; only identity and label matter here, features are joined by row."""
    rows = len(data.labels)
    columns = {
        "segment_id": data.segment_ids,
        "corpus": data.corpora,
        "speaker_id": data.speakers,
        "split": [""] * rows,
        "label": data.labels,
        "word_start_s": np.zeros(rows),
        "word_end_s": np.zeros(rows),
        "part": np.zeros(rows, np.int32),
        "row": np.arange(rows, dtype=np.int32),
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in INDEX], schema=INDEX)


def _lists(selection: pa.Table, pairs: pa.Table) -> dict[str, Pairs]:
    """Every pair list by its name, as rows of the study's data."""
    ids = selection["segment_id"].to_pylist()
    place = dict(zip(ids, selection["row"].to_pylist(), strict=True))
    found = {}
    for name in sorted(set(pairs["test_set"].to_pylist()) - {CONFUSABLE}):  # not of the papers
        chosen = pairs.filter(pc.equal(pairs["test_set"], name))
        left, right = (np.array([place[i] for i in chosen[side].to_pylist()], np.int64) for side in ("left", "right"))
        found[name] = (left, right, np.array(chosen["same"].to_pylist(), np.bool_))
    return found
