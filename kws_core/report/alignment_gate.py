"""What the alignment gate did: thresholds as a table, histograms, and segments to listen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kws_core.alignment_gate import GateExample, GateOutcome, Threshold
from kws_core.evaluation.inline_svg import COLOURS, GRID, INK, inline_svg
from kws_core.report.data import ReportClip, ReportFigure, ReportGallery, ReportTable
from kws_core.report.numbers import NOTHING, count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLIP_BYTES = 1_000_000
"""Sound that a page holds at most."""
_BINS = 48
_COLUMNS = 3
_MARGIN = 0.35  # of the range between median and limits, shown beyond them


@dataclass(frozen=True)
class GateReport:
    """The gate's outcome and the sound of some of its segments."""

    outcome: GateOutcome
    examples: Sequence[GateExample]


def gate_table(outcome: GateOutcome) -> ReportTable:
    """Every threshold: where it lies, what it is made of, what it rejects."""
    rows = []
    rejecting = np.bincount(outcome.culprit[outcome.culprit >= 0], minlength=len(outcome.thresholds))
    for number, found in enumerate(outcome.thresholds):
        rows.append(
            (
                found.measure.title,
                found.corpus,
                f"{found.level}s",
                _number(found.median),
                _number(found.low),
                _number(found.high),
                count(found.judged),
                count(found.rejected),
                count(int(rejecting[number])),
                found.unused,
            )
        )
    total = len(outcome.culprit)
    share = percent(float(outcome.rejected.mean())) if total else NOTHING
    return ReportTable(
        "alignment-gate",
        "Alignment gate: thresholds",
        (
            *("Measure", "Corpus", "Of", "Median", "Lowest", "Highest", "Judged", "Beyond"),
            *("Segments rejected", "Not used"),
        ),
        tuple(rows),
        f"{count(int(outcome.rejected.sum()))} of {count(total)} segments ({share}) are rejected, each counted where "
        "it is first beyond a threshold. Thresholds: by median and median absolute deviation. Of utterances: "
        "the median over the words of one; all of its segments go.",
    )


def gate_gallery(report: GateReport) -> ReportGallery:
    """A histogram of every measure in use, and the examples, as many as `CLIP_BYTES` hold."""
    figures = []
    used = [(number, found) for number, found in enumerate(report.outcome.thresholds) if not found.unused]
    for corpus, group in groupby(used, key=lambda pair: pair[1].corpus):
        own = list(group)
        title = f"Alignment gate, {corpus}"
        svg = inline_svg(partial(_draw, outcome=report.outcome, thresholds=own), title, font_size=8.5)
        figures.append(ReportFigure(f"{corpus}: what is beyond the dashed lines is rejected", svg))
    clips, held = [], 0
    for example in report.examples:
        held += len(example.flac)
        if held > CLIP_BYTES:
            break
        verdict = f"rejected: {example.reason}" if example.reason else "kept, close to a limit"
        clips.append(ReportClip(f"{example.label} ({example.corpus})", f"{verdict}; {example.source}", example.flac))
    note = "Half of the rejected examples of a corpus are nearest to their limit, the others farthest beyond it."
    return ReportGallery(
        "alignment-gate-examples", "Gate examples: histograms, and segments to hear", tuple(figures), tuple(clips), note
    )


def _draw(figure: "Figure", outcome: GateOutcome, thresholds: list[tuple[int, Threshold]]) -> None:
    rows = -(-len(thresholds) // _COLUMNS)
    figure.set_size_inches(8.4, 1.9 * rows)
    figure.patch.set_visible(False)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for place, (number, found) in zip(axes, thresholds, strict=False):
        _histogram(place, found, outcome.judged_values(number))
    for place in axes[len(thresholds) :]:
        place.set_visible(False)


def _histogram(axes: "Axes", found: Threshold, values: NDArray[np.float64]) -> None:
    """Values beyond the drawing are in its first and last bar."""
    limits = [limit for limit in (found.low, found.high) if isfinite(limit)]
    first, last = np.percentile(values, [0.5, 99.5])
    first, last = min(first, found.median, *limits), max(last, found.median, *limits)
    room = _MARGIN * max((abs(limit - found.median) for limit in limits), default=last - first) or 1.0
    edges = np.linspace(
        first - (room if isfinite(found.low) else 0), last + (room if isfinite(found.high) else 0), _BINS
    )
    shown = np.clip(values, edges[0], edges[-1])
    beyond = (values < found.low) | (values > found.high)
    axes.hist(shown, edges.tolist(), color=GRID, histtype="stepfilled")
    if beyond.any():
        axes.hist(shown[beyond], edges.tolist(), color=COLOURS[1], histtype="stepfilled")
    axes.axvline(found.median, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    for limit in limits:
        axes.axvline(limit, color=COLOURS[1], linewidth=1.4, linestyle="--")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_yticks([10, 100, 1000], ["10", "100", "1000"])
    axes.set_ylim(0, max(12.0, 1.6 * float(np.histogram(shown, edges)[0].max())))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_title(f"{found.measure.title}, {found.level}s", fontsize=8.5, color=INK)
    axes.tick_params(color=GRID, labelcolor=INK)
    axes.minorticks_off()
    axes.patch.set_visible(False)
    axes.spines[:].set_color(GRID)
    axes.spines[["top", "right"]].set_visible(False)


def _number(value: float) -> str:
    return f"{value:.3g}" if isfinite(value) else NOTHING
