"""The whole experiment."""

from typing import Literal

from pydantic import Field, model_validator

from kws_core.config.alignment import AlignmentConfig
from kws_core.config.alignment_gate import AlignmentGateConfig
from kws_core.config.augmentation import AugmentationConfig
from kws_core.config.base import Section
from kws_core.config.corpora import CorpusConfig, IngestConfig
from kws_core.config.data import FeaturesConfig, SegmentsConfig, SelectionConfig
from kws_core.config.decision import BackendsConfig, ExportConfig, GateConfig, RejectionConfig
from kws_core.config.evaluation import EvaluationConfig
from kws_core.config.evaluation_streams import EvaluationStreamsConfig
from kws_core.config.features_stage import FeaturesStageConfig
from kws_core.config.losses import LossConfig
from kws_core.config.refit import RefitConfig
from kws_core.config.report import ReportConfig
from kws_core.config.search import SearchConfig
from kws_core.config.search_space import check_space
from kws_core.config.training import SamplingConfig, StrategyConfig, TrainingConfig


class Experiment(Section):
    """Everything that decides the bytes of a run. `seed` reaches every random draw."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Names the registered model."""
    seed: int = 0
    purpose: Literal["keywords", "enrolment"] = "keywords"
    """`keywords`: a spotter of `selection.keywords`. `enrolment`: an encoder for words that are enrolled by example."""
    corpora: dict[str, CorpusConfig] = Field(min_length=1)
    rejection: RejectionConfig = RejectionConfig()
    ingest: IngestConfig = IngestConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    segments: SegmentsConfig = SegmentsConfig()
    alignment_gate: AlignmentGateConfig = AlignmentGateConfig()
    features: FeaturesConfig = FeaturesConfig()
    features_stage: FeaturesStageConfig = FeaturesStageConfig()
    selection: SelectionConfig = SelectionConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    loss: LossConfig = LossConfig()
    sampling: SamplingConfig = SamplingConfig()
    strategy: StrategyConfig = StrategyConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()
    refit: RefitConfig = RefitConfig()
    backends: BackendsConfig = BackendsConfig()
    streams: EvaluationStreamsConfig = EvaluationStreamsConfig()
    export: ExportConfig = ExportConfig()
    gate: GateConfig = GateConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _check(self) -> "Experiment":
        if self.purpose == "keywords" and not self.selection.keywords:
            raise ValueError(
                "selection.keywords is empty: name at least one keyword, or set purpose: enrolment to make an encoder "
                "for words that are enrolled by example"
            )
        if self.purpose == "enrolment" and self.selection.keywords:
            raise ValueError("purpose enrolment makes an encoder without keywords: leave selection.keywords empty")
        for corpus in self.training.repeats:
            if corpus not in self.corpora:
                raise ValueError(f"training.repeats names {corpus!r}; the corpora are {', '.join(self.corpora)}")
        if self.training.data == "stream" and self.strategy.name == "two_stage":
            raise ValueError("strategy two_stage clusters all background at once: set training.data: cache, not stream")
        self._check_noise()
        self._check_copies()
        check_space(self)
        return self

    @property
    def test_corpora(self) -> frozenset[str]:
        """Corpora whose speakers nobody trains on."""
        return frozenset(name for name, corpus in self.corpora.items() if corpus.use == "test")

    @property
    def training_corpora(self) -> frozenset[str]:
        """Corpora whose speakers are all trained on."""
        return frozenset(name for name, corpus in self.corpora.items() if corpus.use == "train")

    @property
    def official_corpora(self) -> frozenset[str]:
        """Corpora whose own splits decide what is trained on and what is tested."""
        return frozenset(name for name, corpus in self.corpora.items() if corpus.use == "official")

    @property
    def noise_corpora(self) -> frozenset[str]:
        """Corpora that training adds to its inputs as noise; no words are cut from them."""
        return frozenset(name for name, corpus in self.corpora.items() if corpus.use == "noise")

    def _check_copies(self) -> None:
        """Refuse augmented copies that nothing would read, and those that would be equal."""
        if not self.features_stage.copies:
            return
        if self.training.input != "features" or self.training.data != "cache":
            raise ValueError(
                "features_stage.copies are learnt from as stored features: set training.input: features and "
                f"training.data: cache, not {self.training.input} and {self.training.data}, or copies: 0"
            )
        waveform = self.augmentation.waveform
        shares = {name: value for name, value in waveform.model_dump().items() if name.endswith("_share")}
        if not any(shares.values()):
            raise ValueError(
                "features_stage.copies would all be equal to their segments: set a share of augmentation.waveform "
                f"above 0 ({', '.join(shares)}), or copies: 0"
            )

    def _check_noise(self) -> None:
        """Refuse noise corpora that nothing would read."""
        for name in sorted(self.noise_corpora):
            if not self.corpora[name].noise_recordings:
                raise ValueError(
                    f"corpus {name!r} has use: noise, but recordings of recipe {self.corpora[name].recipe} "
                    "cannot serve as noise: take speech_commands or recordings of your own"
                )
            if self.training.input != "waveforms":
                raise ValueError(
                    f"corpus {name!r} has use: noise, which is added to waveforms: set training.input: waveforms, "
                    f"not {self.training.input}, or leave the corpus out"
                )
            if not self.augmentation.waveform.noise_share:
                raise ValueError(
                    f"corpus {name!r} has use: noise, but augmentation.waveform.noise_share is 0: set it above 0, "
                    "or leave the corpus out"
                )
            if name in self.training.repeats:
                raise ValueError(f"training.repeats names {name!r}, a noise corpus, of which no words are trained on")
        if len(self.noise_corpora) == len(self.corpora):
            raise ValueError("all corpora have use: noise; at least one must have words to train on")
