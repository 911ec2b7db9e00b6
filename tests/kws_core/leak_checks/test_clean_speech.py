"""A real, small model on synthesised speech of many voices has no leak."""

import numpy as np
import pyarrow as pa
from builders import KEYWORDS

from kws_core.config import LeaksConfig
from kws_core.embeddings import segment_window
from kws_core.leak_checks import (
    find_hidden_keywords,
    find_keywords_by_score,
    find_repeated_audio,
    find_same_sounds,
    find_shared_speakers,
    find_shared_voices,
    find_trained_words,
    nearest,
    sounding_alike,
)
from kws_core.sound_prints import print_part, read_prints


def test_clean_speech_passes_every_check(spoken):
    selection, config = spoken.selection, LeaksConfig()
    chosen = spoken.segments.take(selection["row"])
    prints = print_part(chosen).table
    assert find_shared_speakers(selection) is None
    assert find_repeated_audio(selection, prints["audio_hash"]) is None
    assert find_shared_voices(selection) is None
    assert find_hidden_keywords(selection, KEYWORDS) is None
    assert find_trained_words(selection, spoken.pairs) is None
    split = np.array(selection["split"].to_pylist())
    embeddings = spoken.embeddings
    near = nearest(embeddings, np.flatnonzero(split == "test"), np.flatnonzero(split == "train"), 0.8)
    alike = sounding_alike(near, read_prints(prints))
    assert len(alike.test), "there are neighbours to tell apart"

    def read_windows(rows):
        return np.stack([segment_window(row) for row in chosen.take(rows).to_pylist()])

    assert find_same_sounds(selection, alike, read_windows, config) is None
    tested = np.flatnonzero(split == "test")
    for name, backend in spoken.fitted.backends().items():
        scores = backend.score(embeddings[tested])
        limits = spoken.fitted.thresholds[name]
        assert find_keywords_by_score(selection.take(pa.array(tested)), scores, limits, KEYWORDS, config) is None
