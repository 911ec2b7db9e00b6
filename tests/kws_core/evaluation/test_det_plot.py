import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

from kws_core.errors import EvaluationError
from kws_core.evaluation.det import det_curve
from kws_core.evaluation.det_plot import det_plot


def curve(gap, count=20_000):
    same = np.arange(count) % 2 == 0
    return det_curve(np.random.default_rng(0).normal(size=count) + gap * same, same)


def curve_points(svg, number):
    path = re.search(rf'd="([^"]*)"[^>]*stroke: var\(--curve-{number},', svg)[1]
    return np.array([[float(v) for v in pair.split()] for pair in re.findall(r"[ML] ([-\d.]+ [-\d.]+)", path)])


def test_a_plot_is_one_self_contained_element_with_repeatable_bytes():
    before = dict(matplotlib.rcParams)
    svg = det_plot({"in-vocabulary": curve(3), "a < b": curve(2)}, "trials & more")
    assert svg == det_plot({"in-vocabulary": curve(3), "a < b": curve(2)}, "trials & more")
    assert dict(matplotlib.rcParams) == before
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    assert root.tag.endswith("svg")
    assert root.get("aria-label") == "trials & more"
    text = " ".join(root.itertext())
    assert f"in-vocabulary: EER {100 * curve(3).eer:.1f} %" in text
    assert "a < b: EER" in text
    assert "FAR 2 %" in text
    assert not re.search(r"<script|<image|href=\"(?!#)|#010203|#040506|Matplotlib|<date|dc:date", svg)
    assert len(svg) < 80_000


def test_normal_scores_make_a_straight_line():
    # With unit normal scores probit(FRR) = -probit(FAR) - gap: a line of slope -1 (down the page: +1).
    points = curve_points(det_plot({"one": curve(2.5, 200_000)}, "line"), 1)
    inside = points[(points[:, 0] > 100) & (points[:, 0] < 250)]
    assert len(inside) > 20
    slope, offset = np.polyfit(inside[:, 0], inside[:, 1], 1)
    assert slope == pytest.approx(1, abs=0.05)
    assert np.abs(inside[:, 1] - slope * inside[:, 0] - offset).max() < 4


def test_ids_of_two_figures_do_not_meet():
    ids = [set(re.findall(r'\bid="([^"]+)"', det_plot({"one": curve(2)}, title))) for title in ("first", "second")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_perfect_and_single_step_curves_can_be_drawn():
    same = np.array([False, True])
    svg = det_plot({"perfect": det_curve(np.array([0.0, 1.0]), same), "none": det_curve(np.zeros(2), same)}, "edges")
    assert "perfect: EER 0.0 %" in svg
    assert "none: EER 50.0 %" in svg


def test_a_plot_without_curves_is_refused():
    with pytest.raises(EvaluationError, match="'trials' has no curves"):
        det_plot({}, "trials")
