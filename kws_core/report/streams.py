"""The report's part about streams: misses against false alarms an hour, as a curve and as tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kws_core.evaluation.inline_svg import COLOURS, INK, inline_svg, plain_axes
from kws_core.evaluation.streams.measures import StreamEvaluation
from kws_core.report.data import ReportFigure, ReportTable
from kws_core.report.numbers import NOTHING, count, estimate, hourly

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DASHES = ("-", "--", "-.", ":")
_LINEAR_BELOW = 1.0  # false alarms an hour up to which the axis is linear, so that 0 has a place


def streams_figure(evaluations: Mapping[str, StreamEvaluation]) -> ReportFigure:
    """FRR against false alarms an hour of the named systems; a ring marks each at its calibrated thresholds."""
    title = "Misses against false alarms an hour"
    return ReportFigure(
        "Streams: FRR against false alarms an hour; a ring marks the calibrated thresholds",
        inline_svg(lambda figure: _draw(figure, evaluations), title),
    )


def streams_table(name: str, found: StreamEvaluation) -> ReportTable:
    """FRR by the level of the keywords, false alarms by the kind of stream, and all together."""
    rows = [("all streams", estimate(found.frr), *_alarms(found))]
    rows += [
        (f"keywords {level.snr_db:g} dB above their surroundings", estimate(level.frr), NOTHING, NOTHING, NOTHING)
        for level in found.levels
    ]
    rows += [
        (
            f"streams of {kind.kind}",
            NOTHING,
            hourly(kind.false_alarms),
            count(kind.false_alarms.count),
            f"{kind.false_alarms.hours:.2f}",
        )
        for kind in found.kinds
    ]
    latency = found.latency
    late = (
        f" Decided {latency.median_s:.2f} s after the end of a keyword (median; 90th percentile {latency.p90_s:.2f} s)."
        if latency.hits
        else ""
    )
    return ReportTable(
        "streams",
        f"Streams: {name} on continuous audio",
        ("Streams", "FRR", "False alarms an hour", "False alarms", "Hours"),
        tuple(rows),
        f"{found.false_alarms.sentence('false alarm')}.{late} Intervals of FRR: by bootstrap over speakers; of rates: "
        "Poisson limits.",
    )


def _alarms(found: StreamEvaluation) -> tuple[str, str, str]:
    rate = found.false_alarms
    return hourly(rate), count(rate.count), f"{rate.hours:.2f}"


def _draw(figure: "Figure", evaluations: Mapping[str, StreamEvaluation]) -> None:
    figure.set_size_inches(5.4, 4.4 + 0.23 * len(evaluations))
    axes = figure.add_subplot()
    highest = 2 * _LINEAR_BELOW
    for number, (name, found) in enumerate(evaluations.items()):
        colour = COLOURS[number % len(COLOURS)]
        rates = [point.false_alarms_per_hour for point in found.curve]
        highest = max(highest, *rates, found.false_alarms.per_hour)
        misses = [100 * point.frr for point in found.curve]
        dash = _DASHES[number % len(_DASHES)]
        axes.plot(rates, misses, color=colour, linestyle=dash, drawstyle="steps-pre", linewidth=1.8, label=name)
        axes.plot(
            [found.false_alarms.per_hour],
            [100 * found.frr.value],
            color=colour,
            marker="o",
            markersize=8,
            markerfacecolor="none",
            linestyle="none",
            label="_",
            clip_on=False,
        )
    axes.set_xscale("symlog", linthresh=_LINEAR_BELOW)
    ticks = [0.0, *(factor for factor in (1.0, 10.0, 100.0, 1000.0, 10000.0) if factor <= highest)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlim=(0, 1.1 * highest), ylim=(0, 100), xlabel="False alarms an hour", ylabel="Keywords missed (%)")
    plain_axes(axes)
    figure.legend(loc="outside lower left", frameon=False, labelcolor=INK, handlelength=3)
