"""The report's errors to listen to: sound and spectrogram of the worst false alarms and false rejections."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import Pcm16, encode_flac, float_to_pcm16
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.evaluation.candidate import Windows
from kws_core.evaluation.worst_errors import WorstError, WorstErrors
from kws_core.report.data import ReportClip, ReportGallery
from kws_core.report.spectrogram import spectrogram_png

GALLERY_BYTES = 900_000
"""Sound and pictures that one gallery holds at most, before they are written as text, which adds a third."""
PAUSE_S = 0.25
_LEAST_RMS = 0.02


def worst_error_galleries(found: WorstErrors, windows: Windows) -> tuple[ReportGallery, ReportGallery]:
    """False alarms and false rejections, each the worst first."""
    if found.of_trials:
        titles = (
            ("Worst false alarms: different words that are most alike", "Both sides of a trial, one after the other."),
            ("Worst false rejections: the same word, least alike", "Both sides of a trial, one after the other."),
        )
    else:
        titles = (
            ("Worst false alarms: taken for a keyword", "The farther beyond its threshold, the further up."),
            ("Worst false rejections: keywords missed", "The farther below its threshold, the further up."),
        )
    both = zip(("false-alarms", "false-rejections"), titles, (found.false_alarms, found.false_rejections), strict=True)
    first, second = (_gallery(id, title, note, errors, windows, found.of_trials) for id, (title, note), errors in both)
    return first, second


def _gallery(
    id: str, title: str, note: str, errors: Sequence[WorstError], windows: Windows, of_trials: bool
) -> ReportGallery:
    clips, held = [], 0
    for error in errors:
        sound = _sound(windows(error.rows))
        clip = ReportClip(_title(error), _note(error, of_trials), encode_flac(sound), spectrogram_png(sound))
        held += len(clip.flac) + len(clip.spectrogram)
        if held > GALLERY_BYTES:
            break
        clips.append(clip)
    if not errors:
        note = "There are none."
    elif len(clips) < len(errors):
        note += f" {len(errors) - len(clips)} more are left out, to keep the page small."
    note += " Quiet sounds are played louder." if errors else ""
    return ReportGallery(id, title, clips=tuple(clips), note=note)


def _title(error: WorstError) -> str:
    if len(error.rows) > 1:
        return f"“{error.said}”"
    return f"“{error.said}”, heard as “{error.heard}”" if error.heard else f"“{error.said}”, not heard"


def _note(error: WorstError, of_trials: bool) -> str:
    who = " and ".join(dict.fromkeys(error.speakers))
    if of_trials:
        return f"cosine {error.margin:.3f}; {who}"
    return f"{abs(error.margin):.3f} {'above' if error.margin >= 0 else 'below'} its threshold; {who}"


def _sound(windows: NDArray[np.float32]) -> Pcm16:
    """Windows `[n, samples]` one after the other, each brought up to a level that can be heard."""
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    pieces: list[NDArray[np.float32]] = []
    for window in windows:
        rms, peak = float(np.sqrt(np.mean(np.square(window)))), float(np.abs(window).max())
        gain = min(max(_LEAST_RMS / rms, 1.0), 0.9 / peak) if rms > 0 and peak < 0.9 else 1.0
        pieces += [pause, window * np.float32(gain)] if pieces else [window * np.float32(gain)]
    return float_to_pcm16(np.concatenate(pieces))
