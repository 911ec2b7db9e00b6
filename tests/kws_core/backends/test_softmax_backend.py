import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from sklearn.linear_model import LogisticRegression

from kws_core.backends.softmax import SoftmaxBackend
from kws_core.bundle import tensor_bytes
from kws_core.errors import BundleError, EvaluationError, TrainingError

KEYWORDS = ("yes", "no")
CLASSES = ("<background>", "no", "chair", "yes")


def network(seed=0, dim=5):
    random = np.random.default_rng(seed)
    return random.normal(size=(4, dim)), random.normal(size=4), 3 * random.normal(size=(7, dim)).astype(np.float32)


def naive_posteriors(embedding, weight, bias, normalised, scale):
    """Posteriors of one embedding over the classes of the network, by loops."""
    logits = []
    for row, offset in zip(weight.tolist(), bias.tolist(), strict=True):
        product = sum(a * b for a, b in zip(embedding, row, strict=True))
        if normalised:
            product /= math.sqrt(sum(a * a for a in embedding)) * math.sqrt(sum(b * b for b in row))
        logits.append(scale * product + offset)
    return [math.exp(logit) / sum(math.exp(other) for other in logits) for logit in logits]


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_scores_are_log_posteriors_and_decisions_the_most_probable_class(normalised, scale):
    weight, bias, embeddings = network()
    backend = SoftmaxBackend.from_weights(KEYWORDS, weight, bias, CLASSES, normalised, scale)
    scores, decisions = backend.score(embeddings), backend.decide(embeddings)
    assert scores.dtype == np.float32
    assert decisions.dtype == np.int64
    for row, embedding in enumerate(embeddings.astype(float).tolist()):
        posteriors = naive_posteriors(embedding, weight, bias, normalised, scale)
        by_name = dict(zip(CLASSES, posteriors, strict=True))
        expected = [math.log(by_name[keyword]) for keyword in KEYWORDS]
        np.testing.assert_allclose(scores[row], expected, rtol=1e-4, atol=1e-5)
        best = max(by_name, key=by_name.get)
        assert decisions[row] == (KEYWORDS.index(best) if best in KEYWORDS else -1)
    assert len(set(decisions.tolist())) > 1
    np.testing.assert_allclose(np.exp(backend.log_posteriors(embeddings)).sum(axis=1), 1)


def test_large_logits_stay_finite():
    weight = np.array([[1000.0], [-1000.0]])
    backend = SoftmaxBackend.from_weights(("yes",), weight, np.zeros(2), ("yes", "no"), normalised=False)
    np.testing.assert_allclose(backend.score(np.array([[1.0], [-1.0]], np.float32)), [[0.0], [-2000.0]])
    still = SoftmaxBackend.from_weights(("yes",), weight, np.zeros(2), ("yes", "no"), normalised=True)
    np.testing.assert_allclose(still.score(np.zeros((1, 1), np.float32)), [[-math.log(2)]], rtol=1e-6)


def speech(count=300, seed=1, words=("yes", "no", "a", "b", "c")):
    random = np.random.default_rng(seed)
    means = np.random.default_rng(99).normal(size=(len(words), 6))
    index = random.integers(0, len(words), count)
    embeddings = means[index] + 0.7 * random.normal(size=(count, 6))
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32), np.array(words)[index]


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("c", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("keywords", [("yes", "no"), ("no",), ("yes", "no", "a", "b", "c"), ("b", "a", "yes")])
def test_fitted_posteriors_equal_scikit_learn(keywords, c, balanced):
    embeddings, labels = speech()
    unheard, _ = speech(seed=2)
    backend = SoftmaxBackend.fit(embeddings, labels, keywords, c=c, balanced=balanced)
    named = np.where(np.isin(labels, keywords), labels, "<unknown>")
    weighting = "balanced" if balanced else None
    reference = LogisticRegression(C=c, class_weight=weighting, max_iter=5000, tol=1e-8)
    reference.fit(embeddings.astype(float), named)
    expected = reference.predict_proba(unheard)[:, [list(reference.classes_).index(word) for word in keywords]]
    # both stop a little short of the optimum, at different places since their classes are ordered differently
    np.testing.assert_allclose(np.exp(backend.score(unheard)), expected, atol=5e-4)


def test_other_classes_compete_and_balance_favours_the_rare():
    embeddings, labels = speech(words=("yes", *["other"] * 9))
    plain = SoftmaxBackend.fit(embeddings, labels, ("yes",))
    balanced = SoftmaxBackend.fit(embeddings, labels, ("yes",), balanced=True)
    assert plain.weight.shape == (2, 6)
    assert (balanced.decide(embeddings) == 0).sum() > (plain.decide(embeddings) == 0).sum()
    assert (balanced.decide(embeddings)[labels == "other"] == -1).mean() > 0.5


def test_arrays_round_trip():
    weight, bias, embeddings = network()
    for normalised in (False, True):
        backend = SoftmaxBackend.from_weights(KEYWORDS, weight, bias, CLASSES, normalised, 4.0)
        again = SoftmaxBackend.from_arrays(KEYWORDS, load(tensor_bytes(backend.arrays())))
        np.testing.assert_array_equal(again.score(embeddings), backend.score(embeddings))
    with pytest.raises(BundleError, match=r"'bias' has shape \[3\], not \[4\]"):
        SoftmaxBackend.from_arrays(KEYWORDS, {**backend.arrays(), "bias": bias[:3]})
    with pytest.raises(BundleError, match="4 classes, too few for a softmax of 5 keywords"):
        SoftmaxBackend.from_arrays(("a", "b", "c", "d", "e"), backend.arrays())
    with pytest.raises(BundleError, match="'normalised' is missing"):
        SoftmaxBackend.from_arrays(KEYWORDS, {"weight": weight, "bias": bias})


def test_a_saved_softmax_scores_without_scikit_learn(tmp_path):
    backend = SoftmaxBackend.fit(*speech(), KEYWORDS)
    unheard, _ = speech(5, seed=3)
    np.savez(tmp_path / "softmax.npz", **backend.arrays())
    np.save(tmp_path / "unheard.npy", unheard)
    program = (
        "import sys; sys.modules['sklearn'] = sys.modules['scipy'] = sys.modules['torch'] = None\n"
        "import numpy as np; from kws_core.backends.softmax import SoftmaxBackend\n"
        "backend = SoftmaxBackend.from_arrays(('yes', 'no'), dict(np.load('softmax.npz')))\n"
        "np.save('scores.npy', backend.score(np.load('unheard.npy')))"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env={"PYTHONPATH": root})
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), backend.score(unheard), atol=1e-6)


def test_what_cannot_be_made_or_scored_is_refused():
    weight, bias, _ = network()

    def make(keywords=KEYWORDS, weight=weight, bias=bias, names=CLASSES, scale=1.0):
        return SoftmaxBackend.from_weights(keywords, weight, bias, names, False, scale)

    with pytest.raises(TrainingError, match="no class of the softmax: marvin"):
        make(("yes", "marvin"))
    with pytest.raises(TrainingError, match="none was named"):
        make(())
    with pytest.raises(TrainingError, match=r"weight \[4, dim\] and bias \[4\], not \[3, 5\] and \[4\]"):
        make(weight=weight[:3])
    with pytest.raises(TrainingError, match="named twice: no"):
        make(names=("no", "no", "chair", "yes"))
    with pytest.raises(TrainingError, match=r"not 4 and 0\.0"):
        make(scale=0.0)
    with pytest.raises(TrainingError, match="not 1 and"):
        make(("yes",), weight[:1], bias[:1], ("yes",))
    with pytest.raises(TrainingError, match="not finite"):
        make(bias=np.array([0, 0, 0, np.nan]))
    with pytest.raises(EvaluationError, match=r"shape \[n, 5\], not \[2, 4\]"):
        make().score(np.zeros((2, 4), np.float32))
    embeddings, labels = speech()
    with pytest.raises(TrainingError, match="keywords without training segments: marvin"):
        SoftmaxBackend.fit(embeddings, labels, ("yes", "marvin"))
    with pytest.raises(TrainingError, match="every training segment is 'yes'"):
        SoftmaxBackend.fit(embeddings[labels == "yes"], labels[labels == "yes"], ("yes",))
    with pytest.raises(TrainingError, match=r"c of the softmax must be positive, not 0\.0"):
        SoftmaxBackend.fit(embeddings, labels, KEYWORDS, c=0.0)
