"""Segments to embeddings, held against torch from the samples on."""

import numpy as np
import pytest
import torch
from builders import SPEAKERS, SPOKEN_FEATURES, spoken_segments

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.embeddings import embed_part, read_embeddings, segment_window
from kws_core.features import Frontend
from kws_core.onnx_encoder import BATCH, OnnxEncoder
from kws_core.schemas import QUARANTINE


def naive_window(row):
    """The 16,000 samples around the middle of the word, one by one."""
    pcm = np.frombuffer(row["audio"], "<i2")
    centre = round(((row["word_start_s"] + row["word_end_s"]) / 2 - row["start_s"]) * SAMPLE_RATE_HZ)
    places = range(centre - 8000, centre + 8000)
    return np.array([pcm[place] / 32768 if 0 <= place < len(pcm) else 0.0 for place in places], np.float32)


def test_equals_torch_from_pcm_to_embedding(spoken):
    segments = spoken.segments.slice(0, BATCH + 5)
    output = embed_part(segments, OnnxEncoder(spoken.bundle.encoder_path))
    assert output.table["segment_id"].to_pylist() == segments["segment_id"].to_pylist()
    assert output.quarantine.num_rows == 0
    assert output.quarantine.schema.equals(QUARANTINE)
    windows = np.stack([naive_window(row) for row in segments.to_pylist()])
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(spoken.encoder(Frontend(SPOKEN_FEATURES)(torch.from_numpy(windows))))
    found = read_embeddings(output.table)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_the_embedding_does_not_depend_on_the_batch(spoken):
    encoder = OnnxEncoder(spoken.bundle.encoder_path)
    whole = read_embeddings(embed_part(spoken.segments.slice(0, 70), encoder).table)
    alone = read_embeddings(embed_part(spoken.segments.slice(66, 1), encoder).table)
    np.testing.assert_allclose(whole[66:67], alone, atol=1e-6)


def test_an_empty_part_keeps_its_schema(spoken):
    encoder = OnnxEncoder(spoken.bundle.encoder_path)
    empty = embed_part(spoken.segments.slice(0, 0), encoder).table
    assert empty.num_rows == 0
    assert empty.schema.equals(embed_part(spoken.segments.slice(0, 1), encoder).table.schema)
    assert read_embeddings(empty).shape == (0, 24)


@pytest.mark.parametrize("shift_s", [0.0, 0.3, -0.3])
def test_the_window_is_centred_on_the_word_wherever_it_lies(shift_s):
    row = spoken_segments(SPEAKERS[:1]).slice(0, 1).to_pylist()[0]
    row |= {name: row[name] + shift_s for name in ("word_start_s", "word_end_s")}
    np.testing.assert_array_equal(segment_window(row), naive_window(row))
    # times count from the start of the utterance, of which the cut may be a part
    moved = {name: row[name] + 5 for name in ("start_s", "end_s", "word_start_s", "word_end_s")}
    np.testing.assert_array_equal(segment_window(row | moved), segment_window(row))
