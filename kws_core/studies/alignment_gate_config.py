"""Configuration of the study `alignment_gate`."""

from pydantic import Field, model_validator

from kws_core.config import AlignmentGateConfig, LossConfig
from kws_core.studies.study import AROUND, StudyConfig


class AlignmentGateStudyConfig(StudyConfig):
    """How many transcripts are wrong, the gate, and the training; `selection` gives vocabulary and pair lists.

    A corpus with `use: test` gives a cross-corpus pair list, as in `ma2019`.
    """

    shuffled_corpora: tuple[str, ...] = Field(min_length=1)
    """Corpora of sentences, among whose training utterances transcripts are shuffled."""
    shares: tuple[float, ...] = Field(default=(0.0, 0.05, 0.1, 0.2), min_length=1)
    """Of the training utterances, how many get the transcript of another one."""
    alignment_gate: AlignmentGateConfig = AlignmentGateConfig()
    """Over the training segments; the other half of the cells train without it."""
    loss: LossConfig = LossConfig()
    pair_seed: int = 0
    """Draws the pair lists, which have the right transcripts and are the same for all cells."""

    around = AROUND | {"shares"}

    @model_validator(mode="after")
    def _check(self) -> "AlignmentGateStudyConfig":
        if len(set(self.shares)) < len(self.shares) or not all(0 <= share <= 1 for share in self.shares):
            raise ValueError(f"shares must differ and lie between 0 and 1, not {self.shares}")
        for name in self.shuffled_corpora:
            if name not in self.corpora:
                raise ValueError(f"shuffled_corpora names {name!r}; corpora has {', '.join(self.corpora)}")
            corpus = self.corpora[name]
            if corpus.aligner == "whole_clip" or corpus.use != "split":
                raise ValueError(
                    f"shuffled_corpora names {name!r}, which has aligner {corpus.aligner} and use {corpus.use}; "
                    "sentences that are aligned by force, with use split, are needed"
                )
        if not self.alignment_gate.enabled:
            raise ValueError(
                "alignment_gate.enabled must be true: the study compares training with the gate and without"
            )
        return self
