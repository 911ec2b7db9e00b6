"""The DET plot: FRR against FAR on normal-deviate axes, as an SVG."""

from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import EvaluationError
from kws_core.evaluation.det import DetCurve
from kws_core.evaluation.inline_svg import COLOURS, GRID, INK, inline_svg, plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_LIMITS = (0.0008, 0.85)
_OUTSIDE = 1e-6  # rates of 0 and 1 lie at infinity; they are drawn well beyond the frame
_DASHES = ("-", "--", "-.", ":")
_CELLS = 400  # a curve keeps one point per cell of this grid, finer than the drawing


def det_plot(curves: Mapping[str, DetCurve], title: str, operating_far: float | None = 0.02) -> str:
    """A self-contained `<svg>` element of the named curves; the same curves give the same bytes.

    Each curve is drawn through its points with its EER in the legend, over the line FAR = FRR and, dotted, the
    operating point. Text takes its colour from the page (`currentColor`), and the page
    may set those of the grid (`--grid`) and the curves (`--curve-1` to `--curve-6`). Raises
    `EvaluationError` without curves.

    Source: Martin et al. 1997, "The DET curve in assessment of detection task performance".
    """
    if not curves:
        raise EvaluationError(f"the DET plot {title!r} has no curves")
    return inline_svg(lambda figure: _draw(figure, curves, operating_far), title)


def _draw(figure: "Figure", curves: Mapping[str, DetCurve], operating_far: float | None) -> None:
    figure.set_size_inches(5.4, 5.5 + 0.23 * len(curves))
    axes = figure.add_subplot()
    low, high = _normal_deviate(np.array(_LIMITS))
    axes.plot([low, high], [low, high], color=GRID, linewidth=1)
    if operating_far is not None:
        place = _normal_deviate(np.array([operating_far]))[0]
        axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (1, 3)), label=f"FAR {100 * operating_far:g} %")
    for number, (name, curve) in enumerate(curves.items()):
        far, frr = _thin(_normal_deviate(curve.far), _normal_deviate(curve.frr))
        axes.plot(
            far,
            frr,
            color=COLOURS[number % len(COLOURS)],
            linestyle=_DASHES[number % len(_DASHES)],
            linewidth=1.8,
            label=f"{name}: EER {100 * curve.eer:.1f} %",
        )
    ticks = _normal_deviate(np.array(_TICKS))
    names = [f"{100 * tick:g}" for tick in _TICKS]
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="False acceptance rate (%)", ylabel="False rejection rate (%)")
    axes.set_xticks(ticks, names, color=INK)
    axes.set_yticks(ticks, names, color=INK)
    axes.set_aspect("equal")
    plain_axes(axes)
    figure.legend(loc="outside lower left", frameon=False, labelcolor=INK, handlelength=3)


def _normal_deviate(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    inverse = NormalDist().inv_cdf
    distinct, places = np.unique(np.clip(rates, _OUTSIDE, 1 - _OUTSIDE), return_inverse=True)
    return np.array([inverse(rate) for rate in distinct.tolist()])[places]


def _thin(far: NDArray[np.float64], frr: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve without points that fall into the same cell of a fine grid as the point before."""
    width = (NormalDist().inv_cdf(_LIMITS[1]) - NormalDist().inv_cdf(_LIMITS[0])) / _CELLS
    cells = np.floor(np.stack([far, frr]) / width)
    kept = np.concatenate([[True], (np.diff(cells, axis=1) != 0).any(axis=0)])
    kept[-1] = True
    return far[kept], frr[kept]
