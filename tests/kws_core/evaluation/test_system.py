"""The evaluation of a system against figures computed row by row."""

import json

import numpy as np
import pyarrow as pa
import pytest
from builders import selection_rows

from kws_core.backends.centroid import CentroidBackend
from kws_core.config import SelectionConfig
from kws_core.evaluation.det import det_curve, eer
from kws_core.evaluation.system import STORED_POINTS, SystemEvaluation, evaluate_system
from kws_core.pairs import draw_pairs

LABELS = ("go", "stop", "left", "right", "rare", "odd")
TARGETS = ("go", "stop")
TEST_CORPORA = frozenset({"held"})


def build(speakers=4):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(LABELS), 5))
    rows, embeddings = [], []
    for corpus, split in (("split", "train"), ("split", "development"), ("split", "test"), ("held", "test")):
        for number in range(96):
            label = number % 6
            rows.append(
                {
                    "label": LABELS[label],
                    "label_id": label if label < 4 else -1,
                    "split": split,
                    "corpus": corpus,
                    "speaker_id": f"{corpus}-{split}-{number // 6 % speakers}",
                }
            )
            embeddings.append(centres[label] + rng.normal(size=5))
    unit = np.array(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    selection = selection_rows(rows)
    pairs = draw_pairs(selection, TEST_CORPORA, SelectionConfig(pairs=800), seed=0)
    return selection, pairs, unit.astype(np.float32)


@pytest.fixture(scope="module")
def inputs():
    return build()


def backends(embeddings, selection, keywords):
    train = np.array(selection["split"].to_pylist()) == "train"
    labels = np.array(selection["label"].to_pylist())
    backend = CentroidBackend.fit(embeddings[train], labels[train], keywords)
    return {"centroid": backend}, {"centroid": np.full(len(keywords), 0.6)}


def evaluate(inputs, keywords=TARGETS, targets=TARGETS, thresholds=None):
    selection, pairs, embeddings = inputs
    fitted, usual = backends(embeddings, selection, keywords)
    chosen = usual if thresholds is None else {"centroid": np.array(thresholds)}
    return evaluate_system(selection, pairs, embeddings, fitted, chosen, TEST_CORPORA, targets, seed=0)


def test_trials_of_every_test_list(inputs):
    selection, pairs, embeddings = inputs
    evaluation = evaluate(inputs)
    names = ["cross-corpus held", "in-vocabulary", "out-of-vocabulary"]
    assert [trial.test_set for trial in evaluation.trials] == names
    assert sorted(evaluation.curves) == names
    place = {segment: row for row, segment in enumerate(selection["segment_id"].to_pylist())}
    speakers = selection["speaker_id"].to_pylist()
    figures = evaluation.metrics()
    for trial in evaluation.trials:
        rows = [row for row in pairs.to_pylist() if row["test_set"] == trial.test_set]
        sides = [(place[row["left"]], place[row["right"]]) for row in rows]
        scores = np.array([float(embeddings[a] @ embeddings[b]) for a, b in sides])
        same = np.array([row["same"] for row in rows])
        assert (trial.trials, trial.same_trials) == (len(rows), int(same.sum()))
        assert trial.speakers == len({speakers[row] for side in sides for row in side})
        assert trial.speaker_policy == "cross"
        assert trial.eer == pytest.approx(eer(scores, same), abs=0.01)
        allowed = [t for t in [*scores, np.inf] if (scores[~same] >= t).mean() <= 0.02]
        frr = min((scores[same] < threshold).mean() for threshold in allowed)
        assert trial.frr_at_far_2 == pytest.approx(frr, abs=0.01)
        assert trial.eer_low <= trial.eer <= trial.eer_high
        name = {"cross-corpus held": "cross_corpus_held"}.get(trial.test_set, trial.test_set.replace("-", "_"))
        assert figures[f"{name}.eer"] == trial.eer
        assert figures[f"{name}.frr_at_far_2"] == trial.frr_at_far_2


def naive_detection(inputs, keywords, targets, thresholds):
    """(correct, all) of target, seen and unseen non-target segments of our own test speakers."""
    selection, _, embeddings = inputs
    fitted, _ = backends(embeddings, selection, keywords)
    counts = {"target": [0, 0], "seen": [0, 0], "unseen": [0, 0]}
    for row, embedding in zip(selection.to_pylist(), embeddings, strict=True):
        if row["split"] != "test" or row["corpus"] == "held":
            continue
        scores = fitted["centroid"].centroids @ embedding
        margins = {word: score - limit for word, score, limit in zip(keywords, scores, thresholds, strict=True)}
        best = max(margins, key=lambda word: margins[word])
        decided = best if margins[best] >= 0 and best in targets else None
        kind = "target" if row["label"] in targets else "seen" if row["label_id"] >= 0 else "unseen"
        truth = row["label"] if kind == "target" else None
        counts[kind][0] += decided == truth
        counts[kind][1] += 1
    return counts


@pytest.mark.parametrize(
    ("keywords", "targets", "thresholds"),
    [
        (TARGETS, TARGETS, (0.6, 0.7)),
        (TARGETS, ("stop", "go"), (0.6, 0.7)),  # the same keywords in another order
        (("left", "stop"), TARGETS, (0.3, 0.5)),  # a champion with other keywords: "go" is missed, "left" rejected
        (("left", "right"), TARGETS, (0.3, 0.5)),  # none in common
        (("go", "stop", "left"), TARGETS, (0.3, 0.3, 0.3)),
    ],
)
def test_detection_is_counted_segment_by_segment(inputs, keywords, targets, thresholds):
    evaluation = evaluate(inputs, keywords, targets, thresholds)
    (summary,) = evaluation.detection
    expected = naive_detection(inputs, keywords, targets, thresholds)
    target, seen, unseen = expected["target"], expected["seen"], expected["unseen"]
    assert (target[1], seen[1], unseen[1]) == (32, 32, 32)
    assert summary.target.value == pytest.approx(target[0] / target[1])
    assert summary.seen_non_target.value == pytest.approx(seen[0] / seen[1])
    assert summary.unseen_non_target.value == pytest.approx(unseen[0] / unseen[1])
    assert summary.non_target.value == pytest.approx((seen[0] + unseen[0]) / 64)
    assert summary.total.value == pytest.approx((target[0] + seen[0] + unseen[0]) / 96)
    assert [keyword.keyword for keyword in summary.keywords] == list(targets)
    assert summary.speakers == 4
    if not set(keywords) & set(targets):
        assert summary.target.value == 0
        assert summary.non_target.value == 1
    figures = evaluation.metrics()
    assert figures["centroid.target_accuracy"] == summary.target.value
    assert figures["centroid.non_target_accuracy"] == summary.non_target.value
    assert figures["centroid.unseen_non_target_accuracy"] == summary.unseen_non_target.value


def test_without_unseen_words_no_figure_claims_them(inputs):
    selection, pairs, embeddings = inputs
    known = np.array(selection["label_id"].to_pylist()) >= 0
    kept = selection.filter(pa.array(known))
    ids = set(kept["segment_id"].to_pylist())
    few = pairs.filter(pa.array([row["left"] in ids and row["right"] in ids for row in pairs.to_pylist()]))
    figures = evaluate((kept, few, embeddings[known])).metrics()
    assert "centroid.target_accuracy" in figures
    assert "centroid.unseen_non_target_accuracy" not in figures
    assert "out_of_vocabulary.eer" not in figures
    assert not any(np.isnan(value) for value in figures.values())


def test_stored_curves_lie_on_the_whole_curve_and_keep_its_ends(inputs):
    selection, pairs, embeddings = inputs
    place = {segment: row for row, segment in enumerate(selection["segment_id"].to_pylist())}
    evaluation = evaluate(inputs)
    for name, curve in evaluation.det_curves().items():
        rows = [row for row in pairs.to_pylist() if row["test_set"] == name]
        scores = np.array(
            [embeddings[place[row["left"]]] @ embeddings[place[row["right"]]] for row in rows], np.float32
        )
        same = np.array([row["same"] for row in rows])
        whole = det_curve(scores, same)
        assert len(curve.far) <= STORED_POINTS
        assert (curve.far[0], curve.frr[0]) == (1, 0)
        assert (curve.far[-1], curve.frr[-1]) == (0, 1)
        assert (np.diff(curve.thresholds) > 0).all()
        assert set(zip(curve.far, curve.frr, strict=True)) <= set(zip(whole.far, whole.frr, strict=True))
        assert curve.eer == pytest.approx(whole.eer, abs=0.01)
        for threshold, far, frr in zip(curve.thresholds, curve.far, curve.frr, strict=True):
            assert far == pytest.approx((scores[~same] >= threshold - 1e-6).mean(), abs=0.01)
            assert frr == pytest.approx((scores[same] < threshold + 1e-6).mean(), abs=0.01)


@pytest.mark.parametrize("speakers", [4, 2])
def test_json_round_trip(speakers):
    evaluation = evaluate(build(speakers))
    text = json.dumps(evaluation.to_json())
    again = SystemEvaluation.from_json(json.loads(text))
    assert repr(again) == repr(evaluation)  # repr: NaN, where there is no interval, is not equal to itself
    assert json.dumps(again.to_json()) == text
    assert again.metrics() == evaluation.metrics()


def test_an_evaluation_repeats_itself(inputs):
    assert repr(evaluate(inputs)) == repr(evaluate(inputs))


def test_the_new_measures_are_in_the_document_and_the_metrics(inputs):
    evaluation = evaluate(inputs)
    (open_set,) = evaluation.open_set
    assert (open_set.backend, open_set.segments) == ("centroid", 96)
    assert open_set.hours == pytest.approx(96 * 0.4 / 3600)
    shots = [(one.test_set, one.shots) for one in evaluation.few_shot]
    assert shots == [(name, count) for name in ("in-vocabulary", "out-of-vocabulary") for count in (1, 5, 10)]
    kinds = [(one.kind, one.system, one.groups) for one in evaluation.groups]
    assert kinds == [
        ("speaker", "centroid", 4),
        ("corpus", "centroid", 1),
        ("duration", "centroid", 1),
        ("SNR", "centroid", 0),
    ]
    assert [one.hours for one in evaluation.few_shot[::3]] == pytest.approx([64 * 0.4 / 3600, 32 * 0.4 / 3600])
    by_corpus = evaluation.groups[1]
    assert by_corpus.figures[0].hours == pytest.approx(open_set.hours)
    assert by_corpus.figures[0].frr.value == pytest.approx(1 - evaluation.detection[0].target.value)
    assert any("no two words of the test speakers sound alike" in remark for remark in evaluation.remarks)
    figures = evaluation.metrics()
    for name in (
        "in_vocabulary.min_dcf",
        "in_vocabulary.auc",
        "centroid.map_11_to_1",
        "few_shot.in_vocabulary.1_shot.accuracy",
    ):
        assert 0 <= figures[name] <= 1.01
    assert not any(np.isnan(value) for value in figures.values())
    again = SystemEvaluation.from_json(json.loads(json.dumps(evaluation.to_json())))
    assert json.dumps(again.to_json()) == json.dumps(evaluation.to_json())


def test_an_encoder_without_keywords_is_grouped_by_its_trials(inputs):
    selection, pairs, embeddings = inputs
    snr_db = np.where(np.arange(selection.num_rows) % 2, 5.0, 25.0)
    evaluation = evaluate_system(selection, pairs, embeddings, {}, {}, TEST_CORPORA, (), seed=0, snr_db=snr_db)
    assert (evaluation.detection, evaluation.open_set) == ((), ())
    groups = {one.kind: one for one in evaluation.groups}
    assert {one.system for one in evaluation.groups} == {"out-of-vocabulary"}
    assert {one.group for one in groups["SNR"].figures} == {"below 10 dB", "20 to 30 dB"}
    (trial,) = [one for one in evaluation.trials if one.test_set == "out-of-vocabulary"]
    (corpus,) = groups["corpus"].figures
    assert corpus.frr.value == pytest.approx(trial.frr_at_far_2)
    assert corpus.eer.value == pytest.approx(trial.eer)
    assert corpus.targets == 2 * trial.same_trials
    assert corpus.hours == pytest.approx(trial.hours)
