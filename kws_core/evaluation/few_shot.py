"""Few-shot: words learnt from a few examples by some speakers, recognised when others say them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.config import FewShotConfig
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.evidence import few_speakers, trials_to_show
from kws_core.evaluation.speaker_bootstrap import SpeakerBootstrap, share

MOST_QUERIES = 20
"""Of a word in an episode."""
MOST_OTHERS = 500
"""Segments of other words in an episode, on which its threshold is set."""
LEAST_WORDS = 2


@dataclass(frozen=True)
class FewShotSummary:
    """Accuracy over all episodes of one number of examples, with 95 % intervals over the speakers who are tested."""

    test_set: str
    shots: int
    words: float
    """Words of an episode, on average; NaN without an episode."""
    episodes: int
    queries: int
    speakers: int
    hours: float
    """Of the words that episodes draw from; NaN where it was not told."""
    accuracy: Estimate
    """Queries whose nearest centroid is that of their own word."""
    far: float
    accuracy_at_far: Estimate
    """Of them, those that are accepted too, at a threshold that rejects all but `far` of the other words."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Episode:
    words: int
    speakers: NDArray[np.str_]
    correct: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    others: int


def summarise_few_shot(
    embeddings: NDArray[np.float32],
    labels: NDArray[np.str_],
    speakers: NDArray[np.str_],
    config: FewShotConfig,
    *,
    test_set: str,
    hours: float = float("nan"),
    replicates: int = 200,
    seed: int = 0,
) -> tuple[FewShotSummary, ...]:
    """Episodes on L2-normalised `embeddings [n, dim]` of words with `labels [n]` said by `speakers [n]`.

    Each episode splits the speakers in two halves; the centroids of its words are means of examples by the one, the
    queries are by the other. Thresholds are set within the episode and are not resampled. Where the data has too few
    speakers or examples for a number of shots, the remark says so and the figures are NaN.
    """
    names, codes = np.unique(labels, return_inverse=True)
    people, speaker_codes = np.unique(speakers, return_inverse=True)
    summaries = []
    for shots in config.shots:
        generator = np.random.default_rng([seed, shots])
        found = [
            _episode(embeddings, codes, len(names), speaker_codes, people, shots, config, generator)
            for _ in range(config.episodes)
        ]
        episodes = [episode for episode in found if episode is not None]
        summaries.append(_summary(episodes, shots, config, test_set, hours, replicates, seed))
    return tuple(summaries)


def _episode(
    embeddings: NDArray[np.float32],
    codes: NDArray[np.intp],
    words: int,
    speaker_codes: NDArray[np.intp],
    people: NDArray[np.str_],
    shots: int,
    config: FewShotConfig,
    generator: np.random.Generator,
) -> _Episode | None:
    """One episode; None where this split of the speakers leaves fewer than two words to learn and to test."""
    teaches = np.zeros(len(people), np.bool_)
    teaches[generator.permutation(len(people))[: (len(people) + 1) // 2]] = True
    enrols = teaches[speaker_codes]
    taught = np.bincount(codes[enrols], minlength=words)
    asked = np.bincount(codes[~enrols], minlength=words)
    eligible = np.flatnonzero((taught >= shots) & (asked > 0))
    chosen = generator.permutation(eligible)[: config.words]
    if len(chosen) < LEAST_WORDS:
        return None
    centroids, queries, truth = [], [], []
    for number, word in enumerate(chosen.tolist()):
        examples = np.flatnonzero((codes == word) & enrols)
        mean = embeddings[generator.permutation(examples)[:shots]].mean(axis=0)
        centroids.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        own = generator.permutation(np.flatnonzero((codes == word) & ~enrols))[:MOST_QUERIES]
        queries.append(own)
        truth += [number] * len(own)
    rows = np.concatenate(queries)
    others = generator.permutation(np.flatnonzero(~np.isin(codes, chosen) & ~enrols))[:MOST_OTHERS]
    scores = embeddings[rows] @ np.stack(centroids).T
    correct = scores.argmax(axis=1) == np.array(truth)
    accepted = np.zeros(len(rows), np.bool_)
    if len(others):
        best = (embeddings[others] @ np.stack(centroids).T).max(axis=1, keepdims=True)
        threshold = calibrate_thresholds(best, np.zeros(best.shape, np.bool_), config.far)
        accepted = correct & (scores.max(axis=1) >= threshold[0])
    return _Episode(len(chosen), people[speaker_codes[rows]], correct, accepted, len(others))


def _summary(
    episodes: list[_Episode],
    shots: int,
    config: FewShotConfig,
    test_set: str,
    hours: float,
    replicates: int,
    seed: int,
) -> FewShotSummary:
    nan = float("nan")
    nothing = Estimate(nan, nan, nan, 0)
    if not episodes:
        remark = f"too little data: no two words have {shots} examples by one half of the speakers and one by the other"
        return FewShotSummary(test_set, shots, nan, 0, 0, 0, hours, nothing, config.far, nothing, (remark,))
    speakers = np.concatenate([episode.speakers for episode in episodes])
    draws = SpeakerBootstrap(speakers, replicates, seed)
    everything = np.ones(len(speakers), np.bool_)
    accuracy, accuracy_at_far = (
        draws.estimate(share(np.concatenate(hits), everything, speakers, draws), len(speakers))
        for hits in ([episode.correct for episode in episodes], [episode.accepted for episode in episodes])
    )
    others = min(episode.others for episode in episodes)
    remarks = [*few_speakers(len(draws.speakers))]
    if not others:
        accuracy_at_far = nothing
        remarks.append("no other words to set a threshold on")
    elif others < trials_to_show(config.far):
        remarks.append(
            f"too few segments of other words in an episode ({others:,}) to show a FAR of {100 * config.far:g} %: "
            f"{trials_to_show(config.far):,} are needed"
        )
    if len(episodes) < config.episodes:
        remarks.append(f"{config.episodes - len(episodes)} of {config.episodes} splits of the speakers had no episode")
    return FewShotSummary(
        test_set,
        shots,
        words=float(np.mean([episode.words for episode in episodes])),
        episodes=len(episodes),
        queries=len(speakers),
        speakers=len(draws.speakers),
        hours=hours,
        accuracy=accuracy,
        far=config.far,
        accuracy_at_far=accuracy_at_far,
        remarks=tuple(remarks),
    )
