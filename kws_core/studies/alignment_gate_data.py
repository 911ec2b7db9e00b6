"""The data of one cell of the study `alignment_gate`: right and wrong transcripts, and the gate's judgement of both."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.alignment import build_aligner
from kws_core.alignment_gate import GATE_COLUMNS, GateOutcome, judge_alignments
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.errors import SelectionError
from kws_core.feature_cache import read_features
from kws_core.features import featurise_part
from kws_core.segments import cut_part
from kws_core.selection import speaker_split
from kws_core.studies.alignment_gate_config import AlignmentGateStudyConfig
from kws_core.studies.alignment_gate_shuffle import shuffle_transcripts, shuffled_utterances
from kws_core.studies.data import StudyData
from kws_core.studies.ma2019_data import MaData, ma_data
from kws_core.training_data import TrainingData, word_frames


@dataclass(frozen=True, eq=False)
class ShuffledUtterances:
    """Utterances with a wrong transcript."""

    segments: pa.Table
    """What is cut from them; `schemas.SEGMENTS`."""
    utterance_ids: NDArray[np.str_]
    """Of all of them, whether they could be aligned or not."""


@dataclass(frozen=True, eq=False)
class GateData:
    """What a cell trains on and is tested with, and what the gate says about the training segments."""

    training: TrainingData
    """Rows of the study, then those of the wrong transcripts. All rows train, those that the gate rejects too."""
    tests: MaData
    rows: NDArray[np.int64]
    """`[judged]`: the training segments, as rows of `training`, whether their label is a class or not."""
    outcome: GateOutcome
    """Its rows are `rows`."""
    shuffled: NDArray[np.bool_]
    """`[judged]`: whether the transcript is wrong."""
    speakers: NDArray[np.str_]
    """`[judged]`."""
    unaligned: int
    """Utterances with a wrong transcript that the aligner gave no segment of."""


def gate_data(data: StudyData, config: AlignmentGateStudyConfig, share: float, seed: int) -> GateData:
    """Give a share of the training utterances the transcript of another one, and align those again.

    Raises:
        SelectionError: the study's data has no measures.
        CorpusError: recordings cannot be read any more.
    """
    if data.measures is None:
        raise SelectionError("the study's data has no measures of the alignment")
    right = ma_data(data, config)
    wrong = shuffle_corpora(config, share, seed)
    train = np.array([speaker_split(name, config.selection) == "train" for name in data.speakers.tolist()], np.bool_)
    utterances = np.array(data.measures["utterance_id"].to_pylist(), np.str_)
    kept = np.flatnonzero(train & ~np.isin(utterances, wrong.utterance_ids))
    added = wrong.segments
    rows = np.concatenate([kept, len(data.labels) + np.arange(added.num_rows)])
    measures = pa.concat_tables([data.measures.take(kept), added.select(GATE_COLUMNS)])
    return GateData(
        training=_training(data, right.training, added, rows, config),
        tests=right,
        rows=rows,
        outcome=judge_alignments(measures, config.alignment_gate),
        shuffled=np.arange(len(rows)) >= len(kept),
        speakers=np.concatenate([data.speakers[kept], np.array(added["speaker_id"].to_pylist(), np.str_)]),
        unaligned=len(wrong.utterance_ids) - pc.count_distinct(added["utterance_id"]).as_py(),
    )


def shuffle_corpora(config: AlignmentGateStudyConfig, share: float, seed: int) -> ShuffledUtterances:
    """Read, align and cut the utterances that get a wrong transcript."""
    tables, ids = [], []
    for name in config.shuffled_corpora:
        corpus = config.corpora[name]
        recordings = [
            recording
            for recording in plan_corpus(corpus)
            if speaker_split(recording.speaker_id, config.selection) == "train"
        ]
        chosen = [recordings[place] for place in shuffled_utterances(len(recordings), share, seed).tolist()]
        utterances = prepare_part(name, corpus, config.ingest, chosen)[0].table
        texts = shuffle_transcripts(utterances["text"].to_pylist(), utterances["language"].to_pylist(), seed)
        column = utterances.schema.get_field_index("text")
        utterances = utterances.set_column(column, "text", pa.array(texts, pa.string()))
        words = build_aligner(corpus.aligner, config.alignment).align(utterances).table
        tables.append(cut_part(utterances, words, config.segments).table)
        ids += utterances["utterance_id"].to_pylist()
    return ShuffledUtterances(pa.concat_tables(tables), np.array(ids, np.str_))


def _training(
    data: StudyData, right: TrainingData, added: pa.Table, rows: NDArray[np.int64], config: AlignmentGateStudyConfig
) -> TrainingData:
    """The study's rows followed by those of `added`; classes, development rows and trials stay."""
    classes = {name: number for number, name in enumerate(right.class_names)}
    labels = [classes.get(label, -1) for label in added["label"].to_pylist()]
    label_ids = np.concatenate([right.label_ids, np.array(labels, np.int64)])
    of_class = np.array([classes.get(label, -1) for label in data.labels.tolist()], np.int64)
    own = rows[rows < len(data.labels)]
    label_ids[own] = of_class[own]
    features, frames = np.asarray(data.features), data.word_frames
    if added.num_rows:
        features = np.concatenate([features, read_features(featurise_part(added, config.features).table)])
        word_s = pc.subtract(added["word_end_s"], added["word_start_s"])
        roles = pa.array(["word" if seconds > 0 else "background" for seconds in word_s.to_pylist()])
        index = pa.table({"word_s": word_s, "role": roles})
        frames = np.concatenate([frames, word_frames(index, config.features)])
    return TrainingData(
        features=features,
        label_ids=label_ids,
        word_frames=frames,
        train=rows[label_ids[rows] >= 0],
        trials=right.trials,
        classes=right.classes,
        class_names=right.class_names,
        development=right.development,
    )
