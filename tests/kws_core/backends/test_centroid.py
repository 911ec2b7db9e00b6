import numpy as np
import pytest
from safetensors.numpy import load

from kws_core.backends.centroid import CentroidBackend
from kws_core.bundle import tensor_bytes
from kws_core.errors import BundleError, EvaluationError, TrainingError


def unit(array):
    return (array / np.linalg.norm(array, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    labels = np.array(["yes", "no", "other"] * 40)
    centres = {"yes": 0, "no": 1, "other": 2}
    means = unit(random.normal(size=(3, 8)))
    embeddings = unit(means[[centres[label] for label in labels]] + 0.3 * random.normal(size=(120, 8)))
    return embeddings, labels


def test_centroids_are_normalised_means_of_their_keyword_only(data):
    embeddings, labels = data
    backend = CentroidBackend.fit(embeddings, labels, ("no", "yes"))
    for row, keyword in enumerate(("no", "yes")):
        rows = [
            embedding.astype(float) for embedding, label in zip(embeddings, labels, strict=True) if label == keyword
        ]
        mean = sum(rows) / len(rows)
        np.testing.assert_allclose(backend.centroids[row], mean / np.sqrt((mean**2).sum()), rtol=1e-6)


def test_scores_are_cosines_and_tell_the_keywords_apart(data):
    embeddings, labels = data
    backend = CentroidBackend.fit(embeddings, labels, ("no", "yes"))
    scores = backend.score(embeddings)
    assert scores.dtype == np.float32
    assert scores[7, 1] == pytest.approx(float(np.dot(embeddings[7], backend.centroids[1])), abs=1e-6)
    assert (np.abs(scores) <= 1 + 1e-6).all()
    assert (scores[labels == "yes"].argmax(axis=1) == 1).mean() > 0.95


def test_arrays_round_trip(data):
    embeddings, labels = data
    backend = CentroidBackend.fit(embeddings, labels, ("no", "yes"))
    again = CentroidBackend.from_arrays(("no", "yes"), backend.arrays())
    np.testing.assert_array_equal(again.score(embeddings), backend.score(embeddings))


def test_the_nearest_centroid_wins_the_unknown_one_included(data):
    embeddings, labels = data
    backend = CentroidBackend.fit(embeddings, labels, ("no", "yes"), unknown=True)
    decisions = backend.decide(embeddings)
    means = {word: sum(e.astype(float) for e in embeddings[labels == word]) for word in ("no", "yes", "other")}
    for embedding, decision in zip(embeddings.astype(float), decisions.tolist(), strict=True):
        distances = {
            word: float(np.linalg.norm(embedding - mean / np.linalg.norm(mean))) for word, mean in means.items()
        }
        nearest = min(distances, key=distances.get)
        assert decision == {"no": 0, "yes": 1, "other": -1}[nearest]
    assert decisions.dtype == np.int64
    assert set(decisions.tolist()) == {-1, 0, 1}
    assert (decisions[labels == "other"] == -1).mean() > 0.8


def test_all_other_labels_form_one_unknown_centroid_that_changes_no_score(data):
    embeddings, labels = data
    split = labels.astype("<U8")
    split[np.flatnonzero(labels == "other")[::2]] = "another"
    backend = CentroidBackend.fit(embeddings, split, ("no", "yes"), unknown=True)
    mean = sum(embedding.astype(float) for embedding in embeddings[labels == "other"])
    np.testing.assert_allclose(backend.unknown, mean / np.linalg.norm(mean), rtol=1e-5, atol=1e-7)
    plain = CentroidBackend.fit(embeddings, split, ("no", "yes"))
    np.testing.assert_array_equal(backend.score(embeddings), plain.score(embeddings))


def test_the_first_of_equally_near_keywords_wins_also_over_the_unknown():
    east, north = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    backend = CentroidBackend(("a", "b"), np.stack([east, east]), unknown=north)
    assert backend.decide(np.array([[1, 0], [1, 1], [0, 1], [-1, -1]], np.float32)).tolist() == [0, 0, -1, 0]


def test_arrays_round_trip_with_an_unknown_centroid_and_without(data):
    embeddings, labels = data
    backend = CentroidBackend.fit(embeddings, labels, ("no", "yes"), unknown=True)
    again = CentroidBackend.from_arrays(("no", "yes"), load(tensor_bytes(backend.arrays())))
    np.testing.assert_array_equal(again.decide(embeddings), backend.decide(embeddings))
    plain = CentroidBackend.fit(embeddings, labels, ("no", "yes"))
    assert set(plain.arrays()) == {"centroids"}
    assert CentroidBackend.from_arrays(("no", "yes"), plain.arrays()).unknown is None
    with pytest.raises(BundleError, match=r"'unknown' has shape \[3\], not \[8\]"):
        CentroidBackend.from_arrays(("no", "yes"), {**plain.arrays(), "unknown": np.zeros(3, np.float32)})


def test_an_unknown_centroid_that_cannot_be_formed_or_is_missing_is_refused(data):
    embeddings, labels = data
    with pytest.raises(EvaluationError, match="no unknown centroid"):
        CentroidBackend.fit(embeddings, labels, ("no", "yes")).decide(embeddings)
    with pytest.raises(TrainingError, match="the non-targets have no training segments"):
        CentroidBackend.fit(embeddings, labels, ("no", "yes", "other"), unknown=True)
    opposite = np.array([[1, 0], [0, 1], [0, -1]], np.float32)
    with pytest.raises(TrainingError, match="of the non-targets cancel out"):
        CentroidBackend.fit(opposite, np.array(["yes", "a", "b"]), ("yes",), unknown=True)


def test_what_cannot_be_fitted_loaded_or_scored_is_refused(data):
    embeddings, labels = data
    with pytest.raises(TrainingError, match="keywords without training segments: marvin"):
        CentroidBackend.fit(embeddings, labels, ("yes", "marvin"))
    with pytest.raises(TrainingError, match="'yes' cancel out"):
        CentroidBackend.fit(np.array([[1, 0], [-1, 0]], np.float32), np.array(["yes", "yes"]), ("yes",))
    with pytest.raises(TrainingError, match="not finite"):
        CentroidBackend.fit(np.full((1, 2), np.nan, np.float32), np.array(["yes"]), ("yes",))
    with pytest.raises(BundleError, match=r"shape \[2, 8\], not \[3, any\]"):
        CentroidBackend.from_arrays(("a", "b", "c"), {"centroids": np.zeros((2, 8), np.float32)})
    with pytest.raises(BundleError, match="'centroids' is missing"):
        CentroidBackend.from_arrays(("a",), {})
    with pytest.raises(EvaluationError, match=r"shape \[n, 8\], not \[2, 7\]"):
        CentroidBackend.fit(embeddings, labels, ("yes",)).score(np.zeros((2, 7), np.float32))
