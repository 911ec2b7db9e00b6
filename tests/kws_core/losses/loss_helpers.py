"""Vectors as python lists, for recomputing losses by loops, and the batches that they are tested on."""

import math

import pytest
import torch

DTYPES = (torch.float32, torch.float64)
EPISODE = (0, 1, 2, 0, 1, 2, 0, 1, 2)
"""Three classes of three samples."""
WITH_NON_TARGETS = (0, 1, -1, 0, 1, 2, -1, 2, 0, -1)
UNEVEN = (3, 0, 0, 1, 0, -1, 0, 1)
"""Class 2 is missing, class 3 is there once."""
LABELS = (EPISODE, WITH_NON_TARGETS, UNEVEN)
NOTHING_TO_COMPARE = ((0, 1, 2, -1), (-1, -1, -1), (0,))


def batch(labels, dtype=torch.float64, dim=5, size=1.0, seed=1):
    """Random embeddings that want gradients, with their labels."""
    generator = torch.Generator().manual_seed(seed)
    embeddings = size * torch.randn(len(labels), dim, dtype=torch.float64, generator=generator)
    return embeddings.to(dtype).requires_grad_(), torch.tensor(labels)


def check(loss, embeddings, labels, expected):
    """The loss is `expected`, and its gradients reach the embeddings and every parameter."""
    value = loss(embeddings, labels)
    assert value.dtype == embeddings.dtype
    assert value.shape == ()
    assert value.item() == pytest.approx(expected, rel=1e-9 if embeddings.dtype == torch.float64 else 1e-4, abs=1e-6)
    value.backward()
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad.abs().max() > 0
    for parameter in loss.parameters():
        assert parameter.grad.isfinite().all()


def check_slopes(loss, embeddings, labels):
    """The gradients are those of the finite differences."""
    assert embeddings.dtype == torch.float64
    assert torch.autograd.gradcheck(lambda points: loss(points, labels), embeddings)


def check_zero_with_graph(loss, labels):
    """The loss of the batch is 0 and can be stepped on."""
    embeddings, labels = batch(labels)
    value = loss(embeddings, labels)
    assert value.item() == 0
    value.backward()
    assert (embeddings.grad == 0).all()


def rows(tensor):
    """A tensor as lists of python floats."""
    return tensor.detach().double().tolist()


def dot(first, second):
    return sum(a * b for a, b in zip(first, second, strict=True))


def unit(vector):
    length = math.sqrt(dot(vector, vector))
    return [value / length for value in vector]


def cosine(first, second):
    return dot(unit(first), unit(second))


def distance(first, second):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def mean_vector(vectors):
    return [mean(column) for column in zip(*vectors, strict=True)]


def minus_log_softmax(scores, right):
    """-log of the share of `scores[right]`."""
    largest = max(scores)
    return largest + math.log(sum(math.exp(score - largest) for score in scores)) - scores[right]
