"""Wrong transcripts on purpose: the transcripts of some utterances, dealt out among them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.text import normalise


def shuffled_utterances(count: int, share: float, seed: int) -> NDArray[np.int64]:
    """Which of `count` utterances get a wrong transcript, in their order; a larger share holds those of a smaller."""
    order = np.random.default_rng([seed, 1]).permutation(count)
    return np.sort(order[: round(share * count)])


def shuffle_transcripts(texts: Sequence[str], languages: Sequence[str], seed: int) -> list[str]:
    """Deal `texts` out again so that each utterance gets that of another with about as many words, and letters.

    Then an aligner can still fit the words into the sound. Where it can be avoided, nobody gets the words they said.
    """
    words = [tuple(normalise(text, language)) for text, language in zip(texts, languages, strict=True)]
    random = np.random.default_rng([seed, 2]).random(len(texts))
    order = sorted(range(len(texts)), key=lambda place: (len(words[place]), sum(map(len, words[place])), random[place]))
    given = dict(zip(order, [*order[1:], *order[:1]], strict=True))
    for here, place in enumerate(order):
        if words[given[place]] != words[place]:
            continue
        for other in (order[there] for there in sorted(range(len(order)), key=lambda there: abs(there - here))):
            if words[given[other]] != words[place] and words[given[place]] != words[other]:
                given[place], given[other] = given[other], given[place]
                break
    return [texts[given[place]] for place in range(len(texts))]
