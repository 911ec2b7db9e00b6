"""AS-norm and logistic calibration against what they are defined as, in the back end, the bundle and the spotter."""

import math

import numpy as np
import pytest
from builders import KEYWORDS, selection_rows

from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.transforms import LogisticBackend, LogisticLines, NormalisedBackend
from kws_core.bundle import COHORT, load_bundle, tensor_bytes, write_bundle
from kws_core.calibration import calibrate
from kws_core.cohort import Cohort
from kws_core.config import BackendsConfig
from kws_core.errors import BundleError, EvaluationError, TrainingError
from kws_core.evaluation.det import eer
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.score_calibration import fit_logistic
from kws_core.spotter import Spotter

WORDS = ("go", "stop")


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_as_norm_by_hand():
    random = np.random.default_rng(0)
    centroids, cohort, given = (unit(random.normal(size=(n, 6))) for n in (2, 20, 5))
    backend = NormalisedBackend(CentroidBackend(WORDS, centroids), cohort, top=7)
    found = backend.score(given)
    for row, window in enumerate(given.astype(np.float64)):
        near_window = sorted(cohort @ window)[-7:]
        for column, centroid in enumerate(centroids.astype(np.float64)):
            near_centroid = sorted(cohort @ centroid)[-7:]
            score = float(window @ centroid)
            both = [(score - np.mean(near)) / np.std(near) for near in (near_window, near_centroid)]
            assert found[row, column] == pytest.approx(np.mean(both), rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(backend.score(given[3:4]), found[3:4], atol=1e-5)  # each window on its own
    assert backend.keywords == WORDS
    assert set(backend.arrays()) == {"centroids"}


def test_a_cohort_that_does_not_fit_is_refused():
    backend = CentroidBackend(WORDS, unit(np.eye(2, 6)))
    with pytest.raises(EvaluationError, match="the 7 nearest of a cohort of 3"):
        NormalisedBackend(backend, unit(np.eye(3, 6)), 7)
    with pytest.raises(EvaluationError, match="shape"):
        NormalisedBackend(backend, unit(np.eye(3, 5)), 2)


def test_logistic_calibration_of_gaussian_scores_is_their_log_likelihood_ratio():
    # scores N(1, 1) and N(-1, 1): the ratio is 2 s, whatever the mixture
    random = np.random.default_rng(1)
    own = np.repeat([True, False], [4000, 40_000])
    scores = np.where(own, random.normal(1, 1, len(own)), random.normal(-1, 1, len(own)))
    lines = fit_logistic(np.stack([scores, 10 * scores + 3], axis=1), np.stack([own, own], axis=1))
    assert lines.slopes[0] == pytest.approx(2, abs=0.1)
    assert lines.offsets[0] == pytest.approx(0, abs=0.1)
    # the same scores in another unit give the same ratios
    assert lines.slopes[1] == pytest.approx(lines.slopes[0] / 10, rel=1e-3)
    assert lines.offsets[1] + 3 * lines.slopes[1] == pytest.approx(lines.offsets[0], abs=1e-3)


def test_separable_and_useless_scores_have_finite_rising_lines():
    own = np.array([[True], [True], [False], [False]])
    lines = fit_logistic(np.array([[0.9], [0.8], [0.1], [0.0]]), own)
    assert 0 < lines.slopes[0] < 100
    against = fit_logistic(np.array([[0.0], [0.1], [0.8], [0.9]]), own)
    assert against.slopes[0] > 0
    assert math.isfinite(against.offsets[0])
    same = fit_logistic(np.full((4, 1), 0.5), own)
    assert same.slopes[0] > 0
    with pytest.raises(TrainingError, match="no calibration"):
        fit_logistic(np.zeros((4, 1)), np.ones((4, 1), np.bool_))


def toy():
    random = np.random.default_rng(0)
    words = ("go", "stop", "left", "right")
    centres = random.normal(size=(4, 6))
    rows, embeddings = [], []
    for split in ("train", "development"):
        for number in range(80):
            rows.append({"label": words[number % 4], "split": split, "speaker_id": f"{split}{number % 5}"})
            embeddings.append(centres[number % 4] + 0.8 * random.normal(size=6))
    return selection_rows(rows), unit(np.array(embeddings))


def test_thresholds_are_of_the_transformed_scores():
    selection, embeddings = toy()
    labels, splits = np.array(selection["label"].to_pylist()), np.array(selection["split"].to_pylist())
    config = BackendsConfig(
        score_normalisation="as_norm", cohort_size=30, cohort_top=10, score_calibration="logistic", far=0.1
    )
    fitted = calibrate(selection, embeddings, WORDS, frozenset(), config, seed=0)
    assert isinstance(fitted.backends()["centroid"], LogisticBackend)
    assert fitted.cohort is not None
    assert not set(fitted.cohort.labels) & set(WORDS)
    assert fitted.top == 10
    held = splits == "development"
    for name, backend in fitted.backends().items():
        scores = backend.score(embeddings[held])
        for column, keyword in enumerate(WORDS):
            accepted = scores[labels[held] != keyword, column] >= fitted.thresholds[name][column]
            assert 0.05 < accepted.mean() <= 0.1
    # a line changes no order: the EER of a keyword stays what it was
    plain = calibrate(selection, embeddings, WORDS, frozenset(), BackendsConfig(), seed=0)
    own = labels[held] == "go"
    errors = [eer(one.backends()["svm"].score(embeddings[held])[:, 0], own) for one in (fitted, plain)]
    assert errors[0] == pytest.approx(errors[1], abs=1e-6)
    assert plain.cohort is None
    assert plain.lines is None


def test_expected_frr_is_that_of_the_development_segments():
    selection, embeddings = toy()
    fitted = calibrate(selection, embeddings, WORDS, frozenset(), BackendsConfig(far=0.1), seed=0, dataset="d" * 64)
    labels, splits = np.array(selection["label"].to_pylist()), np.array(selection["split"].to_pylist())
    held = splits == "development"
    accepted = fitted.centroid.score(embeddings[held]) >= fitted.thresholds["centroid"]
    point = fitted.operating_point
    assert (point.dataset, point.speakers, point.shortage) == ("d" * 64, 5, None)
    for column, expected in enumerate(point.expected):
        own = labels[held] == expected.keyword
        assert expected.keyword == WORDS[column]
        assert expected.trials == own.sum()
        assert expected.frr == pytest.approx(1 - accepted[own, column].mean(), abs=1e-6)
        assert expected.low <= expected.frr <= expected.high
        assert expected.false_alarms == accepted[~own, column].sum()
    tiny = calibrate(selection, embeddings, WORDS, frozenset(), BackendsConfig(far=0.001), seed=0).operating_point
    assert tiny.shortage.startswith("60 other segments are too few for FAR 0.001")


def test_a_wish_in_false_alarms_needs_streams():
    selection, embeddings = toy()
    with pytest.raises(TrainingError, match=r"0\.5 false alarms an hour need streams of development speakers"):
        calibrate(selection, embeddings, WORDS, frozenset(), BackendsConfig(max_false_alarms_per_hour=0.5), seed=0)


def test_a_bundle_that_normalises_and_calibrates(spoken, tmp_path):
    embeddings = spoken.embeddings[:60]
    labels = tuple(spoken.selection["label"].to_pylist()[:60])
    contents = {**spoken.contents, COHORT: tensor_bytes(Cohort(embeddings, labels, 5).arrays())}
    lines = {"centroid": {"slopes": [2.0, 3.0, 4.0], "offsets": [0.1, 0.2, 0.3]}}
    more = {"score_normalisation": {"top": 20}, "score_calibration": lines}
    bundle = write_bundle(tmp_path / "bundle", contents, {**spoken.description, **more})
    windows = np.random.default_rng(0).normal(0, 0.05, (5, 16000)).astype(np.float32)
    cohort = Cohort.from_arrays(bundle.tensors(COHORT))
    normalised = NormalisedBackend(spoken.fitted.centroid, cohort.embeddings, 20)
    ratios = LogisticBackend(normalised, LogisticLines((2.0, 3.0, 4.0), (0.1, 0.2, 0.3)))
    plain, ours = Spotter(spoken.bundle), Spotter(load_bundle(bundle.folder))
    expected = ratios.score(OnnxEncoder(spoken.bundle.encoder_path).embed(windows))
    np.testing.assert_allclose(ours.scores(windows), expected, atol=1e-4)
    assert not np.allclose(plain.scores(windows), expected, atol=0.05)
    assert len(bundle.description.keywords) == len(KEYWORDS)
    assert bundle.system_fingerprint != spoken.bundle.system_fingerprint
    # other back ends are as they were
    assert bundle.backend("svm").score(embeddings).tolist() == spoken.fitted.svm.score(embeddings).tolist()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"score_normalisation": {"top": 20}}, f"the hash of {COHORT} is missing"),
        ({"score_calibration": {"centroid": {"slopes": [1.0], "offsets": [0.0]}}}, "a rising line for each keyword"),
        ({"score_calibration": {"centroid": {"slopes": [1, 1, 0], "offsets": [0, 0, 0]}}}, "a rising line"),
        ({"score_calibration": {"cosine": {"slopes": [1], "offsets": [0]}}}, "'cosine', which has no thresholds"),
        ({"score_normalisation": {"method": "z_norm", "top": 2}}, "as_norm"),
        ({"operating_point": {"far": 0.1, "max_false_alarms_per_hour": 1, "hours": 1, "speakers": 3}}, "either far or"),
        ({"operating_point": {"max_false_alarms_per_hour": 1, "speakers": 3}}, "hours are needed"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(spoken, tmp_path, more, said):
    with pytest.raises((BundleError, ValueError), match=said):
        write_bundle(tmp_path / "bundle", spoken.contents, {**spoken.description, **more})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"far": 0.1, "max_false_alarms_per_hour": 1}, "exactly one of far and max_false_alarms_per_hour"),
        ({"far": None}, "exactly one of far"),
        ({"max_false_alarms_per_hour": 0}, "greater than 0"),
        ({"score_normalisation": "as_norm", "decision": "svm"}, "is for decision: centroid, not svm"),
        ({"cohort_size": 20, "cohort_top": 30}, r"cohort_top \(30\) cannot exceed cohort_size \(20\)"),
    ],
)
def test_wishes_that_contradict_each_other(values, said):
    with pytest.raises(ValueError, match=said):
        BackendsConfig(**values)
    assert BackendsConfig(max_false_alarms_per_hour=0.5).far is None
    assert BackendsConfig().far == 0.02
