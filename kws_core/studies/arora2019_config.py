"""Configuration of the study `arora2019`."""

import re

from pydantic import Field, model_validator

from kws_core.config import LossConfig, ManifestCorpusConfig, SamplingConfig, Section
from kws_core.studies.study import AROUND, StudyConfig

STEPS_INSTEAD = ("epochs", "max_steps_per_epoch", "patience")


class Pretraining(Section):
    """The first stage of a two-stage method."""

    loss: LossConfig
    """A metric loss; background is a class, or pseudo-classes: `non_targets` stays `own_class`."""
    sampling: SamplingConfig = SamplingConfig(name="class_balanced")
    max_clusters: int = Field(default=1, ge=1)
    """Background becomes as many k-means pseudo-classes as make them about as large as the events' classes, but at
    most so many, that a batch holds pairs of every class; 1: it stays one class."""

    @model_validator(mode="after")
    def _check(self) -> "Pretraining":
        if self.loss.non_targets != "own_class":
            raise ValueError(f"loss.non_targets must be own_class, not {self.loss.non_targets}")
        return self


class SoundsConfig(Section):
    """Rare environmental sounds, mixed into background noise and speech."""

    recordings: ManifestCorpusConfig
    """The column `text` names the sound; sounds that are no events are background noise."""
    speech: ManifestCorpusConfig
    """Sentences: background, by speakers of the same split."""
    events: tuple[str, ...] = Field(min_length=1)
    source_pattern: str = r"\d+-(\d+)-[A-Z]"
    """Its first group, in a file's name without suffix, is the recording that the clip was cut from; clips of one
    recording are never split. A name that does not match is a recording of its own. (ESC-10: fold-recording-take.)"""
    development_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of each sound's recordings, by hash, and at least one."""
    test_share: float = Field(default=0.375, gt=0, lt=1)
    """Rounded up."""
    speech_recordings: int = Field(default=120, ge=1)
    """Sentences that are mixed in, by hash, in each split."""
    min_snr_db: float = 0.0
    """Of the event over its surroundings, and of speech over noise where both are heard."""
    max_snr_db: float = 15.0
    train: tuple[int, int] = (1500, 1500)
    """Mixtures drawn with events, and without."""
    development: tuple[int, int] = (150, 450)
    test: tuple[int, int] = (400, 1600)
    seed: int = 0
    """Draws the mixtures, which are the same for all cells."""

    @model_validator(mode="after")
    def _check(self) -> "SoundsConfig":
        if self.min_snr_db > self.max_snr_db:
            raise ValueError(f"min_snr_db ({self.min_snr_db:g}) cannot exceed max_snr_db ({self.max_snr_db:g})")
        if min(*self.train, *self.development, *self.test) < 1:
            raise ValueError("train, development and test each need mixtures with events and without")
        if re.compile(self.source_pattern).groups < 1:
            raise ValueError(f"source_pattern {self.source_pattern!r} has no group")
        return self


class Arora2019Config(StudyConfig):
    """The tasks, the imbalances and the methods' optimisation.

    `training` gives everything but the length of training, which is counted in steps: every method makes
    `pretraining_steps + steps` steps with the encoder.
    """

    events: tuple[str, ...] = Field(min_length=1)
    """Rare keywords, from `event_corpora`; elsewhere these words are left out. All other words, and cuts between words,
    are background."""
    event_corpora: tuple[str, ...] = Field(min_length=1)
    sounds: SoundsConfig | None = None
    """The second task; left out when null."""
    imbalances: tuple[int, ...] = Field(default=(1, 5, 20, 100), min_length=1)
    """Background segments for one event segment, all events together, in training."""
    steps: int = Field(default=200, gt=0)
    pretraining_steps: int = Field(default=160, gt=0)
    siamese: Pretraining = Pretraining(loss=LossConfig(name="contrastive", margin=1.0))
    clustered: Pretraining = Pretraining(loss=LossConfig(name="supervised_contrastive"), max_clusters=12)
    claimed_from: int = Field(default=20, ge=1)
    """Imbalance from which on the paper's claim holds."""
    far: float = Field(default=0.01, gt=0, lt=1)
    """False acceptance rate at which FRR is reported."""

    around = AROUND | {"imbalances", "claimed_from", "far"}

    @model_validator(mode="after")
    def _check(self) -> "Arora2019Config":
        if len(set(self.imbalances)) < len(self.imbalances) or min(self.imbalances) < 1:
            raise ValueError(f"imbalances must be different numbers of at least 1, not {self.imbalances}")
        unknown = sorted(set(self.event_corpora) - set(self.corpora))
        if unknown:
            raise ValueError(f"event_corpora names {', '.join(unknown)}; corpora has {', '.join(self.corpora)}")
        given = [name for name in STEPS_INSTEAD if name in self.training.model_fields_set]
        if given:
            raise ValueError(f"training.{given[0]} is not taken: steps and pretraining_steps say how long is trained")
        for events in (self.events, self.sounds.events if self.sounds else ()):
            if len(set(events)) < len(events):
                raise ValueError(f"events are listed twice: {', '.join(events)}")
        return self
