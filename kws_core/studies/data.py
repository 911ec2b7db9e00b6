"""The data of a study: every segment with its features, label and speaker."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.alignment_gate import read_measures
from kws_core.config import FeaturesConfig, SelectionConfig
from kws_core.errors import SelectionError
from kws_core.feature_cache import cached_features
from kws_core.fingerprint import fingerprint, unit_interval
from kws_core.manifest import Manifest
from kws_core.selection import segment_index
from kws_core.store import Store
from kws_core.training_data import word_frames


@dataclass(frozen=True, eq=False)
class StudyData:
    """Rows are segments, in the order of the store's parts."""

    features: NDArray[np.float16]
    """`[rows, time, coeff]`, memory mapped."""
    word_frames: NDArray[np.int64]
    """`[rows, 2]`: first frame of the word and the first after it."""
    segment_ids: NDArray[np.str_]
    labels: NDArray[np.str_]
    """The word, or `<background>`; all of these are `[rows]`."""
    speakers: NDArray[np.str_]
    corpora: NDArray[np.str_]
    measures: pa.Table | None = None
    """What the alignment gate looks at, `alignment_gate.GATE_COLUMNS` of every row."""

    def splits(self, config: SelectionConfig, rotation: float = 0.0) -> NDArray[np.str_]:
        """`train`, `development` or `test` of each row, by the hash of its speaker, whatever the corpus.

        `rotation` moves the hash round the unit circle: multiples of `test_share` give test speakers that differ.
        """
        names = {}
        for speaker in set(self.speakers.tolist()):
            place = (unit_interval("speaker split", speaker) - rotation) % 1.0  # unturned: `selection.speaker_split`
            development = place < config.test_share + config.development_share
            names[speaker] = "test" if place < config.test_share else "development" if development else "train"
        return np.array([names[speaker] for speaker in self.speakers.tolist()], np.str_)


def study_data(store: Store, segments: Manifest, features: Manifest, config: FeaturesConfig, cache: Path) -> StudyData:
    """Join the segments of the study's corpora with their features, mapped from a local file in `cache`.

    Raises:
        SelectionError: there are no segments.
    """
    index = _with_word(segment_index(store, segments))
    if not index.num_rows:
        raise SelectionError("the study's corpora gave no segments")
    key = fingerprint("study", segments.fingerprint, features.fingerprint)
    segment_ids, labels, speakers, corpora = (
        np.array(index[name].to_pylist(), np.str_) for name in ("segment_id", "label", "speaker_id", "corpus")
    )
    return StudyData(
        cached_features(store, features, index, cache, key),
        word_frames(index, config),
        segment_ids,
        labels,
        speakers,
        corpora,
        measures=read_measures(store, segments),
    )


def _with_word(index: pa.Table) -> pa.Table:
    word_s = pc.subtract(index["word_end_s"], index["word_start_s"])
    role = pc.if_else(pc.greater(word_s, 0), "word", "background")
    return index.append_column("word_s", word_s).append_column("role", role)
