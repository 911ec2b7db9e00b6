"""Back ends and thresholds of a selection, recomputed from the rows that they may use."""

from typing import get_args

import numpy as np
import pytest
from builders import KEYWORDS, selection_rows

from kws_core.backends.table import BACKENDS, BackendName
from kws_core.calibration import calibrate
from kws_core.config import BackendsConfig
from kws_core.errors import TrainingError

WORDS = ("go", "stop", "left", "right")
TARGETS = ("go", "stop")


def toy(rng_seed=0, held_out_label="go"):
    """Two keywords, two others; 3 speakers a split; and a test corpus whose embeddings would spoil everything."""
    rng = np.random.default_rng(rng_seed)
    centres = rng.normal(size=(len(WORDS), 6))
    rows, embeddings = [], []
    for split in ("train", "development", "test"):
        for number in range(60):
            rows.append(
                {
                    "label": WORDS[number % 4],
                    "split": split,
                    "speaker_id": f"{split}{number % 3}",
                    "word_s": number / 99,
                }
            )
            embeddings.append(centres[number % 4] + 0.8 * rng.normal(size=6))
    for number in range(20):
        rows.append({"label": held_out_label, "split": "test", "corpus": "held", "speaker_id": f"held{number}"})
        embeddings.append(-10 * centres[0])
    unit = np.array(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return selection_rows(rows), unit.astype(np.float32)


@pytest.mark.parametrize("far", [0.02, 0.1, 0.3])
def test_thresholds_are_the_least_that_hold_the_far(far):
    selection, embeddings = toy()
    fitted = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(far=far), seed=0)
    labels, splits = np.array(selection["label"].to_pylist()), np.array(selection["split"].to_pylist())
    development = splits == "development"
    for name, backend in fitted.backends().items():
        scores = backend.score(embeddings[development])
        for column, keyword in enumerate(TARGETS):
            others = scores[labels[development] != keyword, column]
            threshold = fitted.thresholds[name][column]
            assert (others >= threshold).mean() <= far
            # the next smaller number of the scores' type would accept too many
            assert (others >= np.nextafter(np.float32(threshold), np.float32(-np.inf))).mean() > far


def test_centroids_and_durations_come_from_training_rows_only():
    selection, embeddings = toy()
    fitted = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    rows = selection.to_pylist()
    for column, keyword in enumerate(TARGETS):
        own = [place for place, row in enumerate(rows) if row["label"] == keyword and row["split"] == "train"]
        mean = embeddings[own].mean(axis=0)
        np.testing.assert_allclose(fitted.centroid.centroids[column], mean / np.linalg.norm(mean), atol=1e-6)
        assert fitted.keyword_durations_s[column] == round(float(np.median([rows[p]["word_s"] for p in own])), 3)
    assert fitted.operating_point.far == 0.02
    assert fitted.operating_point.non_target_segments == 30
    assert fitted.operating_point.speakers == 3


def test_the_non_targets_have_a_centroid_made_of_training_rows_only():
    selection, embeddings = toy()
    fitted = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    rows = selection.to_pylist()
    total, other_rows = np.zeros(6), 0
    for row, embedding in zip(rows, embeddings, strict=True):
        if row["label"] not in TARGETS and row["split"] == "train":
            total += embedding
            other_rows += 1
    assert other_rows == 30
    np.testing.assert_allclose(fitted.centroid.unknown, total / np.linalg.norm(total), atol=1e-6)


def test_the_softmax_is_the_optimum_of_the_training_rows_with_one_class_of_non_targets():
    selection, embeddings = toy()
    fitted = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    weight, bias = fitted.softmax.weight.astype(np.float64), fitted.softmax.bias.astype(np.float64)
    assert weight.shape == (3, 6)
    # gradient of |weight|^2 / 2 + cross-entropy, which vanishes at the optimum
    weight_gradient, bias_gradient = weight.copy(), np.zeros(3)
    size = 0.0
    for row, embedding in zip(selection.to_pylist(), embeddings.astype(np.float64), strict=True):
        if row["split"] != "train":
            continue
        exponents = [np.exp(weight[k] @ embedding + bias[k]) for k in range(3)]
        own = TARGETS.index(row["label"]) if row["label"] in TARGETS else 2
        for k in range(3):
            error = exponents[k] / sum(exponents) - (k == own)
            weight_gradient[k] += error * embedding
            bias_gradient[k] += error
            size += abs(error)
    assert size > 5
    np.testing.assert_allclose(weight_gradient, 0, atol=1e-3)
    np.testing.assert_allclose(bias_gradient, 0, atol=1e-3)


def test_every_back_end_is_fitted_calibrated_and_can_be_decided_with():
    selection, embeddings = toy()
    fitted = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    assert list(fitted.backends()) == list(fitted.thresholds) == list(BACKENDS)
    for name, backend in fitted.backends().items():
        assert type(backend) is BACKENDS[name].backend
    assert get_args(BackendName) == tuple(BACKENDS)
    assert get_args(BackendsConfig.model_fields["decision"].annotation) == tuple(BACKENDS)


def test_test_rows_and_test_corpora_change_nothing():
    selection, embeddings = toy()
    first = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    tested = np.array(selection["split"].to_pylist()) == "test"
    changed = embeddings.copy()
    changed[tested] = np.roll(changed[tested], 1, axis=1)
    second = calibrate(selection, changed, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    for name in BACKENDS:
        np.testing.assert_array_equal(first.thresholds[name], second.thresholds[name])
        for key, array in first.backends()[name].arrays().items():
            np.testing.assert_array_equal(array, second.backends()[name].arrays()[key])


def test_a_corpus_in_training_splits_is_left_out_when_it_is_a_test_corpus():
    selection, embeddings = toy()
    extra = selection_rows([{"label": "go", "split": "train", "corpus": "held"}] * 5)
    import pyarrow as pa

    both = pa.concat_tables([selection, extra])
    spoiled = np.concatenate([embeddings, -embeddings[:5]])
    first = calibrate(selection, embeddings, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    second = calibrate(both, spoiled, TARGETS, frozenset({"held"}), BackendsConfig(), seed=0)
    np.testing.assert_array_equal(first.centroid.centroids, second.centroid.centroids)


def test_a_keyword_without_training_rows_is_named():
    selection, embeddings = toy()
    with pytest.raises(TrainingError, match="camera"):
        calibrate(selection, embeddings, ("go", "camera"), frozenset({"held"}), BackendsConfig(), seed=0)


def test_the_trained_bundle_knows_its_operating_point(spoken):
    rows = [row for row in spoken.selection.to_pylist() if row["split"] == "development"]
    point = spoken.fitted.operating_point
    assert point.non_target_segments == sum(row["label"] not in KEYWORDS for row in rows)
    assert point.speakers == len({row["speaker_id"] for row in rows})
