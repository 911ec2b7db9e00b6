import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.alignment.agreement import with_disagreement
from kws_core.alignment.compare import compare_words
from kws_core.alignment.reference_words import read_reference_words, reference_paths
from kws_core.errors import AlignmentError, EvaluationError
from kws_core.report.alignment_comparison import comparison_page, comparison_text
from kws_core.schemas import WORDS, check_schema


def words(rows: list[tuple[str, int, str, float, float]]) -> pa.Table:
    unknown = dict.fromkeys(("score", "phone_duration_deviation", "disagreement_s"), math.nan)
    names = ("utterance_id", "index", "word", "start_s", "end_s")
    made = [{**dict(zip(names, row, strict=True)), "aligner": "x", **unknown} for row in rows]
    return pa.Table.from_pylist(made, schema=WORDS)


A = words([("u", 0, "yes", 0.1, 0.5), ("u", 1, "no", 0.6, 0.9), ("u", 2, "go", 1.0, 1.2), ("v", 0, "up", 0.0, 0.4)])
B = words([("u", 0, "YES", 0.15, 0.5), ("u", 1, "on", 0.6, 0.9), ("u", 2, "go", 0.8, 1.25)])


def test_differences_and_missing_words_of_each_side() -> None:
    found = compare_words(A, B)
    assert (found.words, found.missing_in_a, found.missing_in_b) == (2, 1, 2)
    assert found.start_ms.tolist() == [-50.0, 200.0]
    assert found.end_ms.tolist() == [0.0, -50.0]
    assert (found.starts.median_ms, found.starts.share_over_50_ms, found.starts.share_over_100_ms) == (125.0, 0.5, 0.5)
    assert (found.ends.p90_ms, found.ends.share_over_50_ms) == (45.0, 0.0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.floats(0, 9), st.floats(0, 9)), min_size=1))
def test_swapping_the_sides_turns_signs_only(rows: list[tuple[int, int, float, float]]) -> None:
    once = {(u, i): (a, b) for u, i, a, b in rows}
    a = words([(str(u), i, "w", start, start + 0.2) for (u, i), (start, _) in once.items()])
    b = words([(str(u), i, "w", start, start + 0.3) for (u, i), (_, start) in once.items()])
    one, other = compare_words(a, b), compare_words(b, a)
    assert np.array_equal(one.start_ms, -other.start_ms)
    assert (one.starts, one.ends, one.words) == (other.starts, other.ends, len(once))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(EvaluationError, match="none of 4 words of mfa is among 1 words of sphinx"):
        compare_words(A, words([("x", 0, "yes", 0, 1)]), ("words of mfa", "words of sphinx"))
    with pytest.raises(EvaluationError, match="b: word 0 of utterance 'u' is listed twice"):
        compare_words(A, pa.concat_tables([B, B]))


def test_a_second_aligner_fills_the_column_and_leaves_the_rest() -> None:
    found = with_disagreement(A, B)
    check_schema(found, WORDS, "words")
    assert found["disagreement_s"].to_pylist() == pytest.approx([0.05, math.nan, 0.2, math.nan], nan_ok=True)
    assert found.select(["utterance_id", "index", "start_s"]).equals(A.select(["utterance_id", "index", "start_s"]))
    empty = with_disagreement(WORDS.empty_table(), B)
    assert empty.num_rows == 0


def test_reference_words_are_read_for_the_recordings_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text('path\tindex\tword\tstart_s\tend_s\na.wav\t0\tyes"\t0.5\t1\nb.wav\t0\tno\t0\t1\n', encoding="utf-8")
    found = read_reference_words(path, {"a.wav": "u1"})
    check_schema(found, WORDS, "words")
    assert [(row["utterance_id"], row["word"], row["start_s"]) for row in found.to_pylist()] == [("u1", 'yes"', 0.5)]
    assert reference_paths(path) == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path\tindex\tword\tstart_s\n", r"the column end_s is missing; it needs path index word start_s end_s"),
        (
            b"path\tindex\tword\tstart_s\tend_s\na\t0\tyes\tsoon\t1\n",
            "line 2: could not convert .* 'soon'",
        ),
        (b"path\tindex\tword\tstart_s\tend_s\na\t0\n", "line 2: .*index, start_s and end_s are numbers"),
        (b"path\tindex\tword\tstart_s\tend_s\n\xe9\t0\tx\t0\t1\n", "not UTF-8"),
    ],
)
def test_what_is_no_table_of_words_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "words.tsv"
    path.write_bytes(content)
    with pytest.raises(AlignmentError, match=message):
        read_reference_words(path, {"a": "u"})
    with pytest.raises(AlignmentError, match="cannot be read: No such file"):
        reference_paths(tmp_path / "none.tsv")


def test_the_page_and_the_text_show_every_corpus() -> None:
    found = {"calls": compare_words(A, B), "<more>": compare_words(B, A)}
    page = comparison_page("mfa", "pocketsphinx", found, {"Dataset": "abc"})
    assert page == comparison_page("mfa", "pocketsphinx", found, {"Dataset": "abc"})
    assert page.count("<svg") == 2
    assert "&lt;more&gt;" in page
    assert "<more>" not in page
    lines = comparison_text("mfa", "pocketsphinx", found).splitlines()
    assert lines[0] == "calls: mfa against pocketsphinx"
    assert lines[2].split() == "starts 2 125 ms 185 ms 50.0 % 50.0 % 1 2".split()
    assert lines[3].split() == "ends 2 25 ms 45 ms 0.0 % 0.0 % 1 2".split()
