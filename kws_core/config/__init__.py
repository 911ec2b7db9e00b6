"""The experiment: frozen sections, one per stage; unknown keys are refused."""

from kws_core.config.augmentation import AugmentationConfig, WaveformAugmentationConfig
from kws_core.config.base import SAMPLE_RATE_HZ, PositiveSeconds, Section, Share, Uniform
from kws_core.config.corpora import (
    CorpusConfig,
    CorpusSection,
    DemoCorpusConfig,
    IngestConfig,
    ManifestCorpusConfig,
    SpokenWordsCorpusConfig,
)
from kws_core.config.data import AlignmentConfig, FeaturesConfig, SegmentsConfig, SelectionConfig
from kws_core.config.decision import BackendsConfig, ExportConfig, GateConfig, RejectionConfig
from kws_core.config.encoder import EncoderConfig, EncoderName
from kws_core.config.experiment import Experiment
from kws_core.config.losses import FOREIGN, LossConfig, OwnLoss
from kws_core.config.search import SearchConfig
from kws_core.config.training import SamplingConfig, StrategyConfig, TrainingConfig
from kws_core.config.training_spec import TrainingSpec

__all__ = [
    "FOREIGN",
    "SAMPLE_RATE_HZ",
    "AlignmentConfig",
    "AugmentationConfig",
    "BackendsConfig",
    "CorpusConfig",
    "CorpusSection",
    "DemoCorpusConfig",
    "EncoderConfig",
    "EncoderName",
    "Experiment",
    "ExportConfig",
    "FeaturesConfig",
    "GateConfig",
    "IngestConfig",
    "LossConfig",
    "ManifestCorpusConfig",
    "OwnLoss",
    "PositiveSeconds",
    "RejectionConfig",
    "SamplingConfig",
    "SearchConfig",
    "Section",
    "SegmentsConfig",
    "SelectionConfig",
    "Share",
    "SpokenWordsCorpusConfig",
    "StrategyConfig",
    "TrainingConfig",
    "TrainingSpec",
    "Uniform",
    "WaveformAugmentationConfig",
]
