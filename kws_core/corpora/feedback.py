"""Recipe `feedback`: false alarms and misses that somebody has marked in recordings."""

import math
from dataclasses import replace
from pathlib import Path

from kws_core.config import FeedbackCorpusConfig
from kws_core.corpora.planned_recording import with_digests
from kws_core.corpora.recording import Recording
from kws_core.corpora.span_times import span_times
from kws_core.corpora.text_lines import read_lines
from kws_core.errors import CorpusError

NEEDED_COLUMNS = ("path", "start_s", "end_s", "kind", "keyword")
COLUMNS = (*NEEDED_COLUMNS, "spoken", "speaker", "licence", "language")
KINDS = ("false_alarm", "miss")
CUT_S = 1.0
"""What is cut around the middle of a shorter mark: what the spotter heard."""
LONGEST_MARK_S = 2.0


def prepare_feedback(config: FeedbackCorpusConfig) -> list[Recording]:
    """List a second of sound for each mark; marks that cannot be used are quarantined later, with their reason.

    A miss is labelled with the keyword. A false alarm is labelled with the words that were spoken, or "not KEYWORD"
    where the table does not say: in training both are words that are no keyword.

    Raises:
        CorpusError: the table is missing, not UTF-8, lacks a column or has no rows.
    """
    table = Path(config.path)
    rows = read_lines(table, "list of marks")
    columns = next(rows, (1, ""))[1].split("\t")
    for column in NEEDED_COLUMNS:
        if column not in columns:
            raise CorpusError(f"{table}: column {column!r} is missing; it has {', '.join(columns)}")
    for column in columns:
        if column not in COLUMNS or columns.count(column) > 1:
            raise CorpusError(f"{table}: column {column!r} is unknown or there twice; {', '.join(COLUMNS)} are read")
    marks = [_recording(table, number, line.split("\t"), columns, config) for number, line in rows if line.strip()]
    if not marks:
        raise CorpusError(f"{table}: there are no marks in it")
    return with_digests(marks, config)


def _recording(
    table: Path, number: int, values: list[str], columns: list[str], config: FeedbackCorpusConfig
) -> Recording:
    row = dict.fromkeys(COLUMNS, "")
    row.update(zip(columns, (value.strip() for value in values), strict=False))
    surplus = f"the row has {len(values)} fields; the header has {len(columns)}" if len(values) > len(columns) else ""
    problem = surplus or _problem(row)
    mark = Recording(
        # a stranger: one person a recording, so that the splits by speaker keep it together
        speaker_id=row["speaker"] or f"unknown in {row['path']}",
        text=_label(row),
        source=f"{row['path']} at {row['start_s']} s, {row['kind']} of {row['keyword']}, {table.name} line {number}",
        licence=row["licence"] or config.licence,
        location=str((table.parent / row["path"]).absolute()) if row["path"] else "",
        digest="",
        size_bytes=0,
        language=row["language"],
        problem=problem,
    )
    if problem:
        return mark
    start_s, end_s = _cut(float(row["start_s"]), float(row["end_s"]), _duration_s(Path(mark.location)))
    return replace(mark, start_s=start_s, end_s=end_s)


def _problem(row: dict[str, str]) -> str:
    """Why a mark cannot be used; empty when it can."""
    times = span_times(row["start_s"], row["end_s"])
    if isinstance(times, str):
        return times
    length_s = float(row["end_s"]) - float(row["start_s"])
    if length_s > LONGEST_MARK_S:
        return f"its mark is {length_s:g} s long; at most {LONGEST_MARK_S:g} s are accepted"
    if row["kind"] not in KINDS:
        return f"its kind {row['kind']!r} is none of {' and '.join(KINDS)}"
    if not row["keyword"]:
        return "its keyword is empty"
    spoken, keyword = (" ".join(row[name].casefold().split()) for name in ("spoken", "keyword"))
    if row["kind"] == "false_alarm" and spoken == keyword:
        return f"a false alarm of {keyword!r} cannot be where {keyword!r} is spoken"
    if row["kind"] == "miss" and spoken not in ("", keyword):
        return f"a miss of {keyword!r} cannot be where {spoken!r} is spoken"
    return ""


def _label(row: dict[str, str]) -> str:
    if row["kind"] == "miss":
        return row["keyword"]
    return row["spoken"] or f"not {row['keyword']}"


def _cut(start_s: float, end_s: float, duration_s: float) -> tuple[float, float]:
    """A second around the middle of a mark, or the whole mark where that is longer, inside the file."""
    half_s = max(end_s - start_s, CUT_S) / 2
    middle_s = (start_s + end_s) / 2
    first_s = max(middle_s - half_s, 0.0)
    return round(first_s, 6), round(min(middle_s + half_s, max(duration_s, end_s)), 6)


def _duration_s(path: Path) -> float:
    """Length of a file; endless when it cannot be read, which decoding it explains."""
    import soundfile

    try:
        return float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, OSError):
        return math.inf
