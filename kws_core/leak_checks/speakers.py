"""Speakers who are heard in training and in the test."""

import numpy as np
import pyarrow as pa

from kws_core.coded_column import CodedColumn
from kws_core.leak_checks.leak import Leak, name_rows, splits


def find_shared_speakers(selection: pa.Table) -> Leak | None:
    """Test rows of speakers who have training rows; `selection` is `schemas.SELECTION`."""
    speaker = CodedColumn.of(selection["speaker_id"])
    train, test = splits(selection)
    trained = np.zeros(len(speaker.values), np.bool_)
    trained[speaker.codes[train]] = True
    rows = np.flatnonzero(test & trained[speaker.codes])
    if not len(rows):
        return None
    return Leak("speakers", "speakers are in train and test", len(rows), tuple(name_rows(selection, rows)))
