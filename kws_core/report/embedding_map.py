"""The report's map of embeddings, coloured by word."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kws_core.evaluation.embedding_map import EmbeddingMap
from kws_core.evaluation.inline_svg import COLOURS, GRID, INK, inline_svg
from kws_core.report.data import ReportFigure, ReportGallery

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_COLUMNS = 3


def embedding_gallery(found: EmbeddingMap, name: str) -> ReportGallery:
    """Principal components and, where it was computed, t-SNE; `name` of the system."""
    across, up = (100 * share for share in found.variance)
    figures = [
        _figure(found, found.principal, f"Principal components: {across:.0f} % and {up:.0f} % of the variance", name)
    ]
    if found.neighbours is not None:
        figures.append(_figure(found, found.neighbours, "t-SNE: which segments are neighbours", name))
    return ReportGallery(
        "embedding-map",
        "Map of embeddings",
        tuple(figures),
        note=f"{len(found.labels):,} test segments, coloured by word. Distances between groups of a t-SNE mean little.",
    )


def _figure(found: EmbeddingMap, positions: NDArray[np.float64], caption: str, name: str) -> ReportFigure:
    title = f"Map of embeddings of {name}, {caption.split(':')[0]}"
    return ReportFigure(caption, inline_svg(lambda figure: _draw(figure, found.labels, positions), title, font_size=10))


def _draw(figure: "Figure", labels: NDArray[np.str_], positions: NDArray[np.float64]) -> None:
    names = list(dict.fromkeys(labels.tolist()))
    rows = -(-len(names) // _COLUMNS)
    figure.set_size_inches(5.0, 4.2 + 0.21 * rows)
    axes = figure.add_subplot()
    for number, name in enumerate(names):
        chosen = labels == name
        axes.scatter(
            positions[chosen, 0].round(3),
            positions[chosen, 1].round(3),
            s=22,
            color=COLOURS[number % len(COLOURS)],
            marker=_MARKERS[number // len(COLOURS) % len(_MARKERS)],
            linewidths=0,
            alpha=0.85,
            label=name,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.patch.set_visible(False)
    figure.patch.set_visible(False)
    axes.spines[:].set_color(GRID)
    figure.legend(
        loc="outside lower center", ncols=_COLUMNS, frameon=False, labelcolor=INK, handletextpad=0.2, columnspacing=1.0
    )
