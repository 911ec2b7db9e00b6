"""Recipe `lhotse`: cuts, or recordings and supervisions, as far as they can be read without lhotse."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kws_core.config import LhotseCorpusConfig
from kws_core.corpora.planned_recording import with_digests
from kws_core.corpora.recording import Recording
from kws_core.corpora.span_times import span_times
from kws_core.corpora.text_lines import read_json_lines
from kws_core.errors import CorpusError

Json = dict[str, Any]


@dataclass(frozen=True)
class _Supervised:
    """A supervision in its recording."""

    place: str
    recording: Json | None
    supervision: Json
    offset_s: Any = 0.0
    """Where its times start in the recording."""
    problem: str = ""


class _Unreadable(Exception):
    """Why lhotse itself would be needed."""


def prepare_lhotse(config: LhotseCorpusConfig) -> list[Recording]:
    """List every supervision as a recording; what cannot be read is listed with its problem.

    Read are plain files and their channels. Mixed cuts, transforms such as another speed, commands, addresses and
    recordings inside the manifest are not.

    Raises:
        CorpusError: a manifest is missing, damaged, not UTF-8 or empty.
    """
    manifest = Path(config.cuts or config.supervisions)
    supervised = _from_cuts(manifest) if config.cuts else _from_pair(Path(config.recordings), manifest)
    root = Path(config.root) if config.root else manifest.parent
    recordings = [_recording(one, root, config) for one in supervised]
    if not recordings:
        raise CorpusError(f"{manifest}: the manifest has no lines")
    return with_digests(recordings, config)


def _from_cuts(manifest: Path) -> Iterator[_Supervised]:
    for number, cut in read_json_lines(manifest, "manifest of cuts"):
        place = f"{manifest.name} line {number}"
        if cut is None:
            yield _Supervised(place, None, {}, problem="the line is no JSON object")
            continue
        place = str(cut.get("id") or place)
        supervisions = cut.get("supervisions")
        if cut.get("type") not in ("MonoCut", "MultiCut", "Cut", None) or "tracks" in cut:
            yield _Supervised(place, None, {}, problem=f"it is a {cut.get('type')}; MonoCut and MultiCut are read")
        elif not isinstance(supervisions, list) or not supervisions:
            yield _Supervised(place, None, {}, problem="the cut has no supervision")
        else:
            for supervision in supervisions:
                known = supervision if isinstance(supervision, dict) else {}
                problem = "" if known else "its supervision is no JSON object"
                name = str(known.get("id") or place)
                yield _Supervised(name, cut.get("recording"), known, cut.get("start", 0.0), problem)


def _from_pair(recordings: Path, supervisions: Path) -> Iterator[_Supervised]:
    by_id: dict[str, Json] = {}
    for number, recording in read_json_lines(recordings, "manifest of recordings"):
        if recording is None or "id" not in recording:
            raise CorpusError(f"{recordings} line {number}: the recording is no JSON object with an id")
        by_id[str(recording["id"])] = recording
    used: set[str] = set()
    for number, supervision in read_json_lines(supervisions, "manifest of supervisions"):
        place = f"{supervisions.name} line {number}"
        if supervision is None:
            yield _Supervised(place, None, {}, problem="the line is no JSON object")
            continue
        name = str(supervision.get("recording_id"))
        used.add(name)
        problem = "" if name in by_id else f"{recordings.name} has no recording {name!r}"
        yield _Supervised(str(supervision.get("id") or place), by_id.get(name), supervision, problem=problem)
    for name in by_id:
        if name not in used:
            yield _Supervised(name, None, {}, problem="no supervision is of this recording")


def _recording(one: _Supervised, root: Path, config: LhotseCorpusConfig) -> Recording:
    problem, path, channel = one.problem, "", None
    start_s, end_s = 0.0, None
    if not problem:
        try:
            path, channel = _source(one.recording, one.supervision.get("channel"))
            start_s, end_s = _times(one)
        except _Unreadable as error:
            problem = str(error)
    speaker, text, language = (one.supervision.get(field) for field in ("speaker", "text", "language"))
    # lhotse knows languages by code or by English name
    language = {"English": "en", "Chinese": "zh"}.get(str(language), str(language or ""))
    return Recording(
        speaker_id=str(speaker or "").strip(),
        text=str(text or "").strip(),
        source=one.place,
        licence=config.licence,
        location=str((root / path).absolute()) if path else "",
        digest="",
        size_bytes=0,
        language=language,
        problem=problem,
        start_s=start_s,
        end_s=end_s,
        channel=channel,
    )


def _source(recording: Json | None, channel: Any) -> tuple[str, int | None]:
    """Path, and the channel in its file where it has several."""
    if not isinstance(recording, dict):
        raise _Unreadable("it has no recording, only features perhaps")
    if recording.get("transforms"):
        raise _Unreadable("its recording is transformed on the fly: save the cuts' audio to files first")
    wanted = channel[0] if isinstance(channel, list) and len(channel) == 1 else channel
    sources = [source for source in recording.get("sources") or () if isinstance(source, dict)]
    for source in sources:
        channels = source.get("channels") or [0]
        if len(sources) == 1 or wanted in channels:
            if source.get("type") != "file" or not isinstance(source.get("source"), str):
                raise _Unreadable(f"its recording is of type {source.get('type')!r}; only files are read")
            several = len(channels) > 1 and wanted in channels
            return source["source"], channels.index(wanted) if several else None
    raise _Unreadable(f"its recording has no source of channel {channel!r}")


def _times(one: _Supervised) -> tuple[float, float | None]:
    start, duration = one.supervision.get("start"), one.supervision.get("duration")
    try:
        # a supervision may start before its cut does, never before the recording
        start_s = float(one.offset_s) + float(start)  # type: ignore[arg-type]
        times = span_times(max(round(start_s, 6), 0.0), round(start_s + float(duration), 6))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise _Unreadable(f"its start {start!r} and duration {duration!r} are not both numbers of seconds") from None
    if isinstance(times, str):
        raise _Unreadable(times)
    return times
