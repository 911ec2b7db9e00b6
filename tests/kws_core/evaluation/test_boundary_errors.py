import numpy as np
import pyarrow as pa
import pytest

from kws_core.errors import EvaluationError, SchemaError
from kws_core.evaluation.alignment import boundary_errors
from kws_core.schemas import WORDS


def table(rows):
    return pa.Table.from_pylist(
        [
            {"utterance_id": u, "index": i, "word": w, "start_s": a, "end_s": b, "score": 0.0, "aligner": "x"}
            for u, i, w, a, b in rows
        ],
        schema=WORDS,
    )


def test_errors_counted_by_hand():
    reference = table(
        [("u1", 0, "yes", 1.0, 1.4), ("u1", 1, "no", 1.5, 1.9), ("u2", 0, "yes", 0.2, 0.6), ("u3", 0, "no", 0, 1)]
    )
    words = table(
        [
            ("u2", 0, "yes", 0.35, 0.6),  # 150 ms late
            ("u1", 1, "No", 1.49, 1.96),  # 10 ms early, ends 60 ms late
            ("u1", 0, "yes", 1.05, 1.5),  # 50 ms late: not over 50 ms, whatever rounding says
            ("u3", 0, "know", 0.0, 1.0),  # another word
            ("u9", 0, "yes", 0.0, 1.0),  # not in the reference
        ]
    )
    summary = boundary_errors(words, reference)
    assert (summary.words, summary.missing) == (3, 1)
    assert summary.median_ms == pytest.approx(50)
    assert summary.p90_ms == pytest.approx(130)  # of 10, 50, 150, interpolated
    assert (summary.share_over_50_ms, summary.share_over_100_ms) == pytest.approx((1 / 3, 1 / 3))
    assert summary.end_median_ms == pytest.approx(60)
    assert (summary.end_share_over_50_ms, summary.end_share_over_100_ms) == pytest.approx((2 / 3, 0))


def test_many_words_equal_a_naive_match():
    random = np.random.default_rng(0)
    starts = np.sort(random.random((50, 8)) * 5)
    reference = [(f"u{u}", i, "w", starts[u, i], starts[u, i] + 0.2) for u in range(50) for i in range(8)]
    words = [(u, i, w, a + random.normal(0, 0.05), b) for u, i, w, a, b in reference if random.random() < 0.9]
    random.shuffle(words)
    summary = boundary_errors(table(words), table(reference))
    truth = {(u, i): a for u, i, _, a, _ in reference}
    errors = [1000 * abs(float(a) - truth[str(u), int(i)]) for u, i, _, a, _ in words]
    assert summary.words == len(words)
    assert summary.missing == 400 - len(words)
    assert summary.median_ms == pytest.approx(np.median(errors), abs=1e-3)
    assert summary.share_over_50_ms == pytest.approx(np.mean(np.array(errors) > 50))
    assert summary.end_p90_ms == 0


def test_what_cannot_be_compared_is_refused():
    one = table([("u1", 0, "yes", 0.1, 0.5)])
    with pytest.raises(EvaluationError, match="none of 1 reference words is among 1 aligned words"):
        boundary_errors(one, table([("u2", 0, "yes", 0.1, 0.5)]))
    with pytest.raises(EvaluationError, match="reference words: word 0 of utterance 'u1' is listed twice"):
        boundary_errors(one, pa.concat_tables([one, one]))
    with pytest.raises(SchemaError, match="'score' is missing"):
        boundary_errors(one.drop_columns(["score"]), one)
