"""How a model is measured, and what is looked for before any figure is believed."""

from typing import Literal

from pydantic import Field

from kws_core.config.base import Section, Share

LeakCheck = Literal["speakers", "audio", "voices", "labels", "unseen words", "neighbours", "scores"]


class FewShotConfig(Section):
    """Words learnt from a few examples by one group of speakers and tested on others."""

    shots: tuple[int, ...] = (1, 5, 10)
    """Examples of each word."""
    words: int = Field(default=5, ge=2)
    """Words of an episode; fewer when the data has fewer, at least 2."""
    episodes: int = Field(default=50, ge=1)
    far: float = Field(default=0.01, gt=0, lt=1)
    """Share of other words that may be accepted."""


class LeaksConfig(Section):
    """Leak checks: what training has heard must not be tested on."""

    allowed: tuple[LeakCheck, ...] = ()
    """Checks whose findings are told but do not stop the run."""
    known_labels: tuple[str, ...] = ()
    """Labels that resemble a keyword and are known to be another word."""
    neighbour_cosine: float = Field(default=0.95, gt=0, le=1)
    """Embeddings of a training and a test segment that are nearer may be the same recording …"""
    same_sound: float = Field(default=0.95, gt=0, le=1)
    """… and are when their waveforms correlate at least so much."""
    most_neighbours: int = Field(default=10_000, ge=1)
    """Test segments that are compared to all training segments; of more, as many are drawn."""
    hidden_share: Share = 0.9
    """A label of non-targets hides a keyword when at least this share of its segments is accepted as the keyword …"""
    hidden_auc: Share = 0.65
    """… and the keyword's own segments outscore them hardly more often than not."""
    hidden_segments: int = Field(default=8, ge=1)
    """Segments, by at least 3 speakers, below which a label is not judged by its scores."""


class EvaluationConfig(Section):
    """Figures of a model on the test speakers."""

    replicates: int = Field(default=200, ge=0)
    """Resamplings of the speakers for the 95 % intervals; 0 leaves the intervals out."""
    few_shot: FewShotConfig = FewShotConfig()
    leaks: LeaksConfig = LeaksConfig()
