"""Recipe `nemo`: JSON lines with `audio_filepath text`, and `offset duration lang` where they are there."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from kws_core.config import NemoCorpusConfig
from kws_core.corpora.planned_recording import with_digests
from kws_core.corpora.recording import Recording
from kws_core.corpora.span_times import span_times
from kws_core.corpora.text_lines import read_json_lines
from kws_core.errors import CorpusError


def prepare_nemo(config: NemoCorpusConfig) -> list[Recording]:
    """List the recordings of the manifest; malformed lines are listed with their problem.

    A line is a span of its file when it has an `offset`, or when other lines name the file too.

    Raises:
        CorpusError: the manifest is missing, not UTF-8 or empty.
    """
    manifest = Path(config.path)
    rows = list(read_json_lines(manifest, "manifest"))
    if not rows:
        raise CorpusError(f"{manifest}: the manifest has no lines")
    uses = Counter(str(row.get("audio_filepath")) for _, row in rows if row)
    recordings = [_recording(manifest, number, row, uses, config) for number, row in rows]
    return with_digests(recordings, config)


def _recording(
    manifest: Path, number: int, row: dict[str, Any] | None, uses: Counter[str], config: NemoCorpusConfig
) -> Recording:
    problem = "" if row is not None else "the line is no JSON object"
    row = row or {}
    name, text, language = (row.get(field) for field in ("audio_filepath", "text", "lang"))
    speaker = row.get(config.speaker_field)
    for field, value in (("audio_filepath", name), ("text", text), ("lang", language)):
        if value is not None and not isinstance(value, str):
            problem = problem or f"its {field} is {value!r}, no text"
    name = name.strip() if isinstance(name, str) else ""
    if speaker is None and config.speaker_pattern and (found := re.search(config.speaker_pattern, name)):
        speaker = found[1]
    times = _times(row, uses[name] > 1)
    if isinstance(times, str):
        problem = problem or times
    start_s, end_s = (0.0, None) if isinstance(times, str) else times
    span = f" from {start_s:g} s" if start_s or end_s is not None else ""
    return Recording(
        speaker_id="" if speaker is None else str(speaker).strip(),
        text=text.strip() if isinstance(text, str) else "",
        source=f"{name}{span}" if name else f"{manifest.name} line {number}",
        licence=config.licence,
        location=str((manifest.parent / name).absolute()) if name else "",
        digest="",
        size_bytes=0,
        language=language if isinstance(language, str) else "",
        problem=problem,
        start_s=start_s,
        end_s=end_s,
    )


def _times(row: dict[str, Any], shared: bool) -> tuple[float, float | None] | str:
    offset, duration = row.get("offset"), row.get("duration")
    if offset is None and not (shared and duration is not None):
        return 0.0, None
    try:
        end = None if duration is None else float(offset or 0) + float(duration)
    except (TypeError, ValueError):
        return f"its offset {offset!r} and duration {duration!r} are not both numbers of seconds"
    return span_times(offset or 0, end)
