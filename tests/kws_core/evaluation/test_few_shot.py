"""Few-shot episodes: who teaches is never asked, and known answers come out."""

import numpy as np
import pytest

from kws_core.config import FewShotConfig
from kws_core.evaluation.few_shot import _episode, summarise_few_shot


def words(noise, labels=8, speakers=12, tokens=2, dim=16, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(dim, dim)))[0][:labels]
    rows = [(label, speaker) for label in range(labels) for speaker in range(speakers) for _ in range(tokens)]
    found = np.array([centres[label] for label, _ in rows]) + noise * rng.normal(size=(len(rows), dim))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    names = np.array([f"word{label}" for label, _ in rows])
    return found.astype(np.float32), names, np.array([f"s{speaker:02d}" for _, speaker in rows])


def summarise(data, **config):
    return summarise_few_shot(*data, FewShotConfig(episodes=20, **config), test_set="t")


def test_separate_words_are_always_recognised_and_alike_ones_by_chance():
    for summary in summarise(words(noise=0.01)):
        assert summary.accuracy.value == summary.accuracy_at_far.value == 1
        assert (summary.episodes, summary.words, summary.speakers) == (20, 5, 12)
    embeddings, labels, speakers = words(noise=0.01)
    same = np.tile(embeddings[:1], (len(labels), 1))
    for summary in summarise((same, labels, speakers)):
        assert summary.accuracy.value == pytest.approx(1 / 5)  # equal scores: the first word wins
        assert summary.accuracy_at_far.value == 0  # and so do all others, which is more than 1 %


def test_more_examples_are_better_and_rejecting_costs():
    one, five, ten = summarise(words(noise=0.25, speakers=20))
    assert one.accuracy.value < five.accuracy.value <= ten.accuracy.value
    for summary in (one, five, ten):
        assert summary.accuracy_at_far.value < summary.accuracy.value
        assert summary.accuracy.low < summary.accuracy.value < summary.accuracy.high
        assert summary.queries == summary.accuracy.count


def test_no_speaker_teaches_and_is_asked():
    _, labels, speakers = words(noise=0.1)
    names, codes = np.unique(labels, return_inverse=True)
    people, own = np.unique(speakers, return_inverse=True)
    # an embedding that tells the speaker apart from all others gives nobody away when halves are disjoint
    apart = np.eye(len(people), dtype=np.float32)[own]
    episode = _episode(apart, codes, len(names), own, people, 5, FewShotConfig(), np.random.default_rng(0))
    assert len(np.unique(episode.speakers)) == 6
    assert episode.correct.mean() == pytest.approx(1 / 5), "a query scores 0 against every centroid"


def test_too_little_data_is_said_and_gives_no_figure():
    summaries = summarise(words(noise=0.1, labels=3, speakers=4, tokens=1))
    assert [summary.episodes for summary in summaries] == [20, 0, 0]
    assert summaries[0].words == 3
    assert any("no other words" in remark for remark in summaries[0].remarks)
    assert np.isnan(summaries[0].accuracy_at_far.value)
    for summary in summaries[1:]:
        assert "too little data" in summary.remarks[0]
        assert np.isnan(summary.accuracy.value)


def test_the_seed_decides():
    data = words(noise=0.3)
    config = FewShotConfig(episodes=5, shots=(1,))
    found = [summarise_few_shot(*data, config, test_set="t", seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert found[0] != found[2]
