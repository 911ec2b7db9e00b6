"""What a second aligner says of the first one's words."""

import math

import numpy as np
import pyarrow as pa

from kws_core.alignment.compare import match_words
from kws_core.schemas import WORDS


def with_disagreement(words: pa.Table, second: pa.Table) -> pa.Table:
    """The rows of `words` with `disagreement_s` filled: the larger difference of start or end to `second`, in seconds.

    NaN where the second aligner lacks the word. Both have the schema `WORDS`; the order of rows stays.
    """
    both = match_words(words, second, ("words", "words of the second aligner"))
    starts = np.abs(both["start_s"].to_numpy() - both["start_s_b"].to_numpy())
    ends = np.abs(both["end_s"].to_numpy() - both["end_s_b"].to_numpy())
    keys = zip(both["utterance_id"].to_pylist(), both["index"].to_pylist(), strict=True)
    # to the microsecond: what is below is noise of the subtraction
    found = dict(zip(keys, np.round(np.maximum(starts, ends), 6).tolist(), strict=True))
    rows = zip(words["utterance_id"].to_pylist(), words["index"].to_pylist(), strict=True)
    values = pa.array([found.get(key, math.nan) for key in rows], pa.float64())
    return words.set_column(WORDS.get_field_index("disagreement_s"), WORDS.field("disagreement_s"), values)
