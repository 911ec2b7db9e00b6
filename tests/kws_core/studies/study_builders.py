"""A small study's data: words with a pattern each, said by many speakers, under noise."""

import numpy as np

from kws_core.config import FeaturesConfig
from kws_core.studies.data import StudyData

FEATURES = {"frames": 16, "mel_bins": 12, "coefficients": 8}
SHARED = {
    "features": FEATURES,
    "encoder": {"name": "res15", "maps": 6, "stem_pooling": [2, 2], "embedding_dim": 8},
    "training": {"epochs": 1, "batch_size": 16, "learning_rate": 0.01},
    "augmentation": {"swap_context_share": 0, "mask_context_share": 0},
    "replicates": 40,
    "seeds": 2,
}
"""Settings that both studies take."""


def corpus(name: str) -> dict[str, str]:
    """A corpus of the configuration; nobody reads its manifest here."""
    return {"recipe": "manifest", "path": f"{name}.tsv"}


def study_data(words: dict[str, tuple[str, ...]], speakers: int = 40, repeats: int = 1, seed: int = 0) -> StudyData:
    """`words` by corpus; every speaker of the corpus says each of them `repeats` times."""
    rng = np.random.default_rng(seed)
    features = FeaturesConfig(**FEATURES)
    names = sorted({word for listed in words.values() for word in listed})
    patterns = {word: rng.normal(size=(features.frames, features.coefficients)) for word in names}
    rows = [
        (corpus_name, f"{corpus_name}-s{speaker:02d}", word)
        for corpus_name, listed in words.items()
        for speaker in range(speakers)
        for word in listed
        for _ in range(repeats)
    ]
    corpora, spoken_by, labels = (np.array(column, np.str_) for column in zip(*rows, strict=True))
    noise = 0.5 * rng.normal(size=(len(rows), features.frames, features.coefficients))
    return StudyData(
        features=(np.stack([patterns[label] for label in labels.tolist()]) + noise).astype(np.float16),
        word_frames=np.tile(np.array([4, 12]), (len(rows), 1)),
        segment_ids=np.array([f"segment-{number:04d}" for number in range(len(rows))]),
        labels=labels,
        speakers=spoken_by,
        corpora=corpora,
    )
