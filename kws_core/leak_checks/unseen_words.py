"""Test words of an out-of-vocabulary set that training knows."""

import numpy as np
import pyarrow as pa

from kws_core.coded_column import CodedColumn
from kws_core.leak_checks.labels import plain_label
from kws_core.leak_checks.leak import Leak, name_rows, splits

OUT_OF_VOCABULARY = "out-of-vocabulary"


def find_trained_words(selection: pa.Table, pairs: pa.Table) -> Leak | None:
    """Test rows that count as out of vocabulary, or are in that list of `pairs`, and whose label has training rows."""
    label = CodedColumn.of(selection["label"])
    train, test = splits(selection)
    plain = [plain_label(value) or value for value in label.values]
    trained = {plain[code] for code in np.unique(label.codes[train]).tolist()}
    known = label.map({value: plain[code] in trained for code, value in enumerate(label.values)}, bool)
    listed = pairs.filter(pa.compute.equal(pairs["test_set"], OUT_OF_VOCABULARY))
    ids = pa.chunked_array([*listed["left"].chunks, *listed["right"].chunks], pa.string())
    unseen = np.asarray(pa.compute.less(selection["label_id"], 0).to_numpy(), np.bool_) & test
    unseen |= np.asarray(pa.compute.is_in(selection["segment_id"], ids).to_numpy(), np.bool_)
    rows = np.flatnonzero(unseen & known)
    if not len(rows):
        return None
    return Leak(
        "unseen words",
        "words of the out-of-vocabulary test are among the training labels",
        len(rows),
        tuple(name_rows(selection, rows)),
    )
