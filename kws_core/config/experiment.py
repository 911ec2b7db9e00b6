"""The whole experiment."""

from pydantic import Field

from kws_core.config.augmentation import AugmentationConfig
from kws_core.config.base import Section
from kws_core.config.corpora import CorpusConfig, IngestConfig
from kws_core.config.data import AlignmentConfig, FeaturesConfig, SegmentsConfig, SelectionConfig
from kws_core.config.decision import BackendsConfig, GateConfig, RejectionConfig
from kws_core.config.losses import LossConfig
from kws_core.config.search import SearchConfig
from kws_core.config.training import SamplingConfig, StrategyConfig, TrainingConfig


class Experiment(Section):
    """Everything that decides the bytes of a run. `seed` reaches every random draw."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Names the registered model."""
    seed: int = 0
    corpora: dict[str, CorpusConfig] = Field(min_length=1)
    rejection: RejectionConfig = RejectionConfig()
    ingest: IngestConfig = IngestConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    segments: SegmentsConfig = SegmentsConfig()
    features: FeaturesConfig = FeaturesConfig()
    selection: SelectionConfig = SelectionConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    loss: LossConfig = LossConfig()
    sampling: SamplingConfig = SamplingConfig()
    strategy: StrategyConfig = StrategyConfig()
    training: TrainingConfig = TrainingConfig()
    search: SearchConfig = SearchConfig()
    backends: BackendsConfig = BackendsConfig()
    gate: GateConfig = GateConfig()

    @property
    def test_corpora(self) -> frozenset[str]:
        """Corpora whose speakers nobody trains on."""
        return frozenset(name for name, corpus in self.corpora.items() if corpus.use == "test")
