"""Recordings whose very samples are in training and in the test."""

import numpy as np
import pyarrow as pa

from kws_core.coded_column import CodedColumn
from kws_core.leak_checks.leak import SHOWN, Leak, name_rows, splits


def find_repeated_audio(selection: pa.Table, audio_hashes: pa.ChunkedArray) -> Leak | None:
    """Test words with the samples of a training word; `audio_hashes [rows of the selection]` are of each segment's PCM.

    Background is left out: silence is like silence.
    """
    content = CodedColumn.of(audio_hashes)
    train, test = splits(selection)
    is_word = np.asarray(pa.compute.not_equal(selection["role"], "background").to_numpy(), np.bool_)
    train, test = train & is_word, test & is_word
    first = np.full(len(content.values), -1, np.int64)
    places = np.flatnonzero(train)[::-1]
    first[content.codes[places]] = places
    rows = np.flatnonzero(test & (first[content.codes] >= 0))
    if not len(rows):
        return None
    heard = name_rows(selection, first[content.codes[rows[:SHOWN]]])
    said = [f"{own} = {other}" for own, other in zip(name_rows(selection, rows), heard, strict=True)]
    return Leak("audio", "the same audio is in train and test", len(rows), tuple(said))
