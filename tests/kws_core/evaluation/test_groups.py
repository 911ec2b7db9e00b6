"""Groups: FRR and EER by hand, the worst tenth, and what is too small to rank."""

import numpy as np
import pytest

from kws_core.errors import EvaluationError
from kws_core.evaluation.det import eer
from kws_core.evaluation.groups import duration_groups, snr_groups, summarise_groups, wilson, worst_tenth


def rows(seed=0, count=600, groups=4):
    rng = np.random.default_rng(seed)
    names = np.array([f"g{number}" for number in rng.integers(0, groups, count)])
    target = rng.random(count) < 0.5
    hard = np.array([int(name[1:]) for name in names])
    scores = np.round(rng.normal(size=count) + target * (3 - 0.6 * hard), 1)
    speakers = np.array([f"s{number:02d}" for number in rng.integers(0, 12, count)])
    return names, target, target & (scores < 1.5), scores, speakers


def summarise(data, kind="corpus"):
    return summarise_groups(*data, kind=kind, system="svm")


def test_every_group_equals_a_count_and_the_worst_comes_first():
    names, target, missed, scores, _ = data = rows()
    summary = summarise(data)
    assert (summary.groups, summary.ranked, summary.kind, summary.system) == (4, 4, "corpus", "svm")
    rates = [one.frr.value for one in summary.figures]
    assert rates == sorted(rates, reverse=True)
    assert summary.figures[0].group == "g3"
    assert summary.mean_frr == pytest.approx(np.mean(rates))
    assert summary.worst_tenth_frr.value == rates[0]
    for one in summary.figures:
        own = names == one.group
        assert (one.targets, one.others) == ((own & target).sum(), (own & ~target).sum())
        assert one.frr.value == pytest.approx(missed[own & target].mean())
        assert one.eer.value == pytest.approx(eer(scores[own], target[own]))
        assert one.frr.low < one.frr.value < one.frr.high
        assert one.eer.low < one.eer.value < one.eer.high


def test_a_single_speaker_has_an_interval_over_segments_and_one_class_no_eer():
    names, target, missed, scores, speakers = rows()
    summary = summarise((speakers, target, missed, scores, speakers), "speaker")
    for one in summary.figures:
        own = speakers == one.group
        assert one.speakers == 1
        assert one.frr == wilson(int(missed[own].sum()), int((own & target).sum()))
        assert np.isnan(one.eer.low)
    assert summary.worst_tenth_frr.count == 2  # of twelve
    assert summary.worst_tenth_frr.value == pytest.approx(np.mean([one.frr.value for one in summary.figures[:2]]))
    keywords = summarise((names[target], target[target], missed[target], scores[target], speakers[target]))
    assert all(np.isnan(one.eer.value) for one in keywords.figures)


def test_small_and_unknown_groups_are_not_ranked_and_it_is_said():
    names, target, missed, scores, speakers = rows()
    names[:2], target[:2] = "tiny", True
    names[names == "g0"] = ""
    summary = summarise((names, target, missed, scores, speakers))
    assert (summary.groups, summary.ranked) == (4, 3)
    assert "tiny" not in {one.group for one in summary.figures}
    assert "1 of 4 groups have fewer than 3" in summary.remarks[0]
    nothing = summarise((np.full(600, ""), target, missed, scores, speakers), "SNR")
    assert (nothing.groups, nothing.figures) == (0, ())
    assert np.isnan(nothing.worst_tenth_frr.value)
    assert "nothing is known of the SNR" in nothing.remarks[0]
    with pytest.raises(EvaluationError, match="groups by corpus need one value a row"):
        summarise((names[1:], target, missed, scores, speakers))


def test_the_worst_tenth_and_its_interval():
    rates = np.linspace(0, 1, 40)
    found = worst_tenth(rates, 500, 0)
    assert found.count == 4
    assert found.value == pytest.approx(rates[-4:].mean())
    assert found.low < found.value <= found.high <= 1


def test_wilson_is_the_textbook_interval():
    found = wilson(10, 100)
    assert (found.low, found.high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=1e-4)
    assert np.isnan(wilson(0, 0).value)


def test_bins():
    assert duration_groups(np.array([0.0, 0.1, 0.3, 0.5, 2.0])).tolist() == [
        "", "below 0.3 s", "0.3 to 0.45 s", "0.45 to 0.6 s", "from 0.6 s",
    ]  # fmt: skip
    assert snr_groups(np.array([np.nan, -5.0, 10.0, 35.0])).tolist() == ["", "below 10 dB", "10 to 20 dB", "from 30 dB"]
