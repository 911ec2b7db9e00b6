"""Configuration of the study `huh2020`."""

from typing import Literal

from pydantic import Field, model_validator

from kws_core.config import BackendsConfig, LossConfig, SamplingConfig, Section
from kws_core.studies.study import AROUND, StudyConfig

Decision = Literal["softmax", "centroid", "svm"]


class HuhMethod(Section):
    """One loss with its batches; `loss.non_targets` is the pair selection."""

    loss: LossConfig
    sampling: SamplingConfig = SamplingConfig()
    decisions: tuple[Decision, ...] = Field(default=("centroid", "svm"), min_length=1)
    """How the trained encoder decides: each gives a row of the table."""
    batch_size: int | None = Field(default=None, gt=1)
    """In place of `training.batch_size`."""

    @model_validator(mode="after")
    def _check(self) -> "HuhMethod":
        if "softmax" in self.decisions and self.loss.name != "softmax":
            raise ValueError(f"only the loss softmax decides by softmax, not {self.loss.name}")
        if self.loss.non_targets == "own_class":
            raise ValueError("loss.non_targets must be unknown_cluster or negatives_only: the paper's pair selections")
        return self


class Huh2020Config(StudyConfig):
    """The words, the methods and how they are judged."""

    targets: tuple[str, ...] = Field(min_length=2)
    """Words to be spotted, from `word_corpora`."""
    seen_words: tuple[str, ...] = ()
    """Non-target words that are trained on."""
    unseen_words: tuple[str, ...] = ()
    """Non-target words that only the test hears."""
    word_corpora: tuple[str, ...] = Field(min_length=1)
    """Corpora of isolated words. Their words in none of the three lists are left out."""
    sentence_corpora: tuple[str, ...] = ()
    """Corpora whose words, but for the targets, are more non-targets; half of them unseen, by hash of the word."""
    train_on_sentences: bool = True
    """Whether the seen words of `sentence_corpora` are trained on too; they are tested on either way."""
    non_target_ratio: float = Field(default=1.0, gt=0)
    """At most this many training segments of non-targets for one of a target. Isolated words are kept first."""
    rotate_speakers: bool = False
    """Whether every seed has other test speakers (`selection.test_share` of them): cross-validation by speaker, for
    small corpora."""
    methods: dict[str, HuhMethod] = Field(min_length=1)
    baseline: str
    """The method that the others are held against, with its first decision."""
    candidate: str
    """The method of the paper's claim, decided by SVM."""
    backends: BackendsConfig = BackendsConfig()
    """Candidates of the SVM; the best on development speakers is kept."""

    around = AROUND | {"methods", "baseline", "candidate"}  # a cell names the settings of its own method

    @model_validator(mode="after")
    def _check(self) -> "Huh2020Config":
        words = [*self.targets, *self.seen_words, *self.unseen_words]
        if self.rotate_speakers and self.seeds * self.selection.test_share > 1 + 1e-9:
            raise ValueError(
                f"rotate_speakers needs seeds x selection.test_share of at most 1, not "
                f"{self.seeds} x {self.selection.test_share:g}"
            )
        repeated = sorted({word for word in words if words.count(word) > 1})
        if repeated:
            raise ValueError(f"words are listed twice: {', '.join(repeated)}")
        for field, listed in (("word_corpora", self.word_corpora), ("sentence_corpora", self.sentence_corpora)):
            unknown = sorted(set(listed) - set(self.corpora))
            if unknown:
                raise ValueError(f"{field} names {', '.join(unknown)}; corpora has {', '.join(self.corpora)}")
        for name in (self.baseline, self.candidate):
            if name not in self.methods:
                raise ValueError(f"method {name!r} is not among methods: {', '.join(self.methods)}")
        if "svm" not in self.methods[self.candidate].decisions:
            raise ValueError(f"the candidate {self.candidate!r} must be decided by svm")
        return self
