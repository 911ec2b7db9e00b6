import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from sklearn.svm import SVC

from kws_core.backends.svm import SvmBackend
from kws_core.bundle import tensor_bytes
from kws_core.errors import BundleError, TrainingError
from kws_core.evaluation.det import eer

KEYWORDS = ("yes", "no", "seven")


def speech(count, seed, spread=0.9, dim=16):
    """Embeddings of three keywords and five other words, as rough as a poor encoder makes them."""
    random = np.random.default_rng(seed)
    words = np.array([*KEYWORDS, "a", "b", "c", "d", "e"])
    means = np.random.default_rng(99).normal(size=(len(words), dim))
    index = random.integers(0, len(words), count)
    embeddings = means[index] + spread * random.normal(size=(count, dim))
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), words[index]


@pytest.fixture(scope="module")
def fitted():
    return SvmBackend.fit(*speech(400, 1), *speech(300, 2), KEYWORDS, c=(1.0, 10.0), gamma=(0.5, 2.0))


@pytest.mark.parametrize("dim", [2, 16, 128])
@pytest.mark.parametrize(("c", "gamma"), [(0.1, 0.02), (1.0, 0.5), (10.0, 2.0), (100.0, 8.0), (1000.0, 0.1)])
def test_scores_equal_scikit_learn_before_and_after_saving(c, gamma, dim):
    embeddings, labels = speech(400, 1, dim=dim)
    unheard, _ = speech(500, 3, dim=dim)
    backend = SvmBackend.fit(embeddings, labels, embeddings, labels, KEYWORDS, c=(c,), gamma=(gamma,))
    saved = load(tensor_bytes(backend.arrays()))
    assert {name: str(array.dtype) for name, array in saved.items()} == {
        "support_vectors": "float32",
        "dual_coefficients": "float64",
        "intercepts": "float64",
        "gamma": "float64",
    }
    again = SvmBackend.from_arrays(KEYWORDS, saved)
    for k, keyword in enumerate(KEYWORDS):
        reference = SVC(kernel="rbf", C=c, gamma=gamma, class_weight="balanced").fit(embeddings, labels == keyword)
        expected = reference.decision_function(unheard)
        np.testing.assert_allclose(backend.score(unheard)[:, k], expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(again.score(unheard)[:, k], expected, rtol=0, atol=1e-5)


def test_double_precision_embeddings_are_fitted_in_the_precision_they_are_saved_in():
    embeddings, labels = speech(200, 1)
    double = embeddings + 1e-9 * np.random.default_rng(0).normal(size=embeddings.shape)
    backend = SvmBackend.fit(double, labels, embeddings, labels, KEYWORDS, c=(100.0,), gamma=(8.0,))
    assert backend.support_vectors.dtype == np.float32
    again = SvmBackend.from_arrays(KEYWORDS, load(tensor_bytes(backend.arrays())))
    np.testing.assert_array_equal(again.score(embeddings), backend.score(embeddings))


def test_what_every_machine_rejects_is_a_non_target(fitted):
    unheard, _ = speech(300, 3)
    expected = []
    for row in fitted.score(unheard).tolist():
        positive = [(value, -k) for k, value in enumerate(row) if value > 0]
        expected.append(-max(positive)[1] if positive else -1)
    assert fitted.decide(unheard).tolist() == expected
    assert set(expected) == {-1, 0, 1, 2}
    assert fitted.decide(unheard).dtype == np.int64


def test_a_decision_value_of_0_is_a_rejection_and_the_first_of_equal_ones_wins():
    vector = np.array([[1, 0]], np.float32)
    zero = SvmBackend(("a", "b"), vector, np.zeros((2, 1)), np.zeros(2), 1.0)
    assert zero.decide(vector).tolist() == [-1]
    equal = SvmBackend(("a", "b"), vector, np.ones((2, 1)), np.zeros(2), 1.0)
    assert equal.decide(vector).tolist() == [0]


def test_candidates_are_chosen_on_development_data():
    train, development = speech(400, 1), speech(300, 2)
    chosen = SvmBackend.fit(*train, *development, KEYWORDS, c=(0.01, 10.0), gamma=(0.01, 1.0, 200.0))
    errors = {}
    for c in (0.01, 10.0):
        for gamma in (0.01, 1.0, 200.0):
            one = SvmBackend.fit(*train, *development, KEYWORDS, c=(c,), gamma=(gamma,)).score(development[0])
            errors[c, gamma] = np.mean([eer(one[:, k], development[1] == word) for k, word in enumerate(KEYWORDS)])
    scores = chosen.score(development[0])
    reached = np.mean([eer(scores[:, k], development[1] == word) for k, word in enumerate(KEYWORDS)])
    assert reached == min(errors.values()) < max(errors.values())
    assert chosen.gamma == min(errors, key=errors.get)[1]


def test_support_vectors_are_shared_not_repeated(fitted):
    assert len(np.unique(fitted.support_vectors, axis=0)) == len(fitted.support_vectors) <= 400
    assert fitted.dual_coefficients.any(axis=0).all()
    assert (np.count_nonzero(fitted.dual_coefficients, axis=0) > 1).any()


def test_scores_do_not_depend_on_the_batch(fitted, monkeypatch):
    unheard, _ = speech(50, 4)
    whole = fitted.score(unheard)
    monkeypatch.setattr("kws_core.backends.svm._KERNEL_CELLS", 3 * len(fitted.support_vectors))
    np.testing.assert_allclose(fitted.score(unheard), whole, atol=1e-5)
    assert fitted.score(unheard[:0]).shape == (0, 3)


def test_non_targets_are_limited_and_keywords_are_not():
    embeddings, labels = speech(600, 5)
    limited = [
        SvmBackend.fit(
            embeddings, labels, embeddings, labels, KEYWORDS, c=(1.0,), gamma=(1.0,), max_non_targets=20, seed=s
        )
        for s in (0, 0, 1)
    ]
    others = {row.tobytes() for row in embeddings[~np.isin(labels, KEYWORDS)]}
    assert sum(vector.tobytes() in others for vector in limited[0].support_vectors) <= 20
    np.testing.assert_array_equal(limited[0].support_vectors, limited[1].support_vectors)
    assert limited[0].arrays()["intercepts"].tolist() != limited[2].arrays()["intercepts"].tolist()


def test_arrays_round_trip(fitted):
    unheard, _ = speech(50, 4)
    again = SvmBackend.from_arrays(KEYWORDS, fitted.arrays())
    np.testing.assert_array_equal(again.score(unheard), fitted.score(unheard))
    with pytest.raises(BundleError, match="'intercepts' has shape"):
        SvmBackend.from_arrays(KEYWORDS, {**fitted.arrays(), "intercepts": np.zeros(2)})


def test_a_saved_svm_scores_without_scikit_learn(fitted, tmp_path):
    np.savez(tmp_path / "svm.npz", **fitted.arrays())
    unheard, _ = speech(5, 4)
    np.save(tmp_path / "unheard.npy", unheard)
    program = (
        "import sys; sys.modules['sklearn'] = sys.modules['scipy'] = sys.modules['torch'] = None\n"
        "import numpy as np; from kws_core.backends.svm import SvmBackend\n"
        "backend = SvmBackend.from_arrays(('yes', 'no', 'seven'), dict(np.load('svm.npz')))\n"
        "np.save('scores.npy', backend.score(np.load('unheard.npy')))"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env={"PYTHONPATH": root})
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), fitted.score(unheard), atol=1e-6)


def test_what_cannot_be_fitted_is_refused():
    embeddings, labels = speech(100, 1)
    with pytest.raises(TrainingError, match="keywords without training segments: marvin"):
        SvmBackend.fit(embeddings, labels, embeddings, labels, ("yes", "marvin"))
    with pytest.raises(TrainingError, match="keywords without development segments: yes"):
        SvmBackend.fit(embeddings, labels, embeddings[labels != "yes"], labels[labels != "yes"], ("yes",))
    yes = labels == "yes"
    with pytest.raises(TrainingError, match="every training segment is 'yes'"):
        SvmBackend.fit(embeddings[yes], labels[yes], embeddings, labels, ("yes",))
    with pytest.raises(TrainingError, match="must be positive"):
        SvmBackend.fit(embeddings, labels, embeddings, labels, ("yes",), c=(0.0,))
