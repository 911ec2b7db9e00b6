"""The experiment: frozen sections, one per stage; unknown keys are refused."""

from kws_core.config.alignment import AlignmentConfig, MfaConfig
from kws_core.config.alignment_gate import AlignmentGateConfig, MeasureLimits
from kws_core.config.augmentation import AugmentationConfig, WaveformAugmentationConfig
from kws_core.config.base import SAMPLE_RATE_HZ, PositiveSeconds, Section, Share, Uniform
from kws_core.config.corpora import (
    AishellCorpusConfig,
    An4CorpusConfig,
    CommonVoiceCorpusConfig,
    CorpusConfig,
    CorpusSection,
    DemoCorpusConfig,
    DownloadedCorpusSection,
    FeedbackCorpusConfig,
    FsddCorpusConfig,
    HelloNpuCorpusConfig,
    HuggingFaceCorpusConfig,
    IngestConfig,
    IngestedCorpusConfig,
    KaldiCorpusConfig,
    LhotseCorpusConfig,
    LibriSpeechCorpusConfig,
    ManifestCorpusConfig,
    MswcCorpusConfig,
    NemoCorpusConfig,
    SpeakerFoldersCorpusConfig,
    SpeechCommandsCorpusConfig,
    SpokenWordsCorpusConfig,
)
from kws_core.config.data import FeaturesConfig, SegmentsConfig, SelectionConfig
from kws_core.config.decision import BackendsConfig, ExportConfig, GateConfig, RejectionConfig
from kws_core.config.encoder import EncoderConfig, EncoderName
from kws_core.config.evaluation import EvaluationConfig, FewShotConfig, LeaksConfig
from kws_core.config.evaluation_streams import EvaluationStreamsConfig
from kws_core.config.experiment import Experiment
from kws_core.config.features_stage import FeaturesStageConfig
from kws_core.config.losses import FOREIGN, LossConfig, OwnLoss
from kws_core.config.refit import RefitConfig
from kws_core.config.report import ReportConfig
from kws_core.config.search import Choice, PopulationConfig, SearchConfig
from kws_core.config.stream import StreamConfig
from kws_core.config.training import SamplingConfig, StrategyConfig, TrainingConfig
from kws_core.config.training_spec import TrainingSpec

__all__ = [
    "FOREIGN",
    "SAMPLE_RATE_HZ",
    "AishellCorpusConfig",
    "AlignmentConfig",
    "AlignmentGateConfig",
    "An4CorpusConfig",
    "AugmentationConfig",
    "BackendsConfig",
    "Choice",
    "CommonVoiceCorpusConfig",
    "CorpusConfig",
    "CorpusSection",
    "DemoCorpusConfig",
    "DownloadedCorpusSection",
    "EncoderConfig",
    "EncoderName",
    "EvaluationConfig",
    "EvaluationStreamsConfig",
    "Experiment",
    "ExportConfig",
    "FeaturesConfig",
    "FeaturesStageConfig",
    "FeedbackCorpusConfig",
    "FewShotConfig",
    "FsddCorpusConfig",
    "GateConfig",
    "HelloNpuCorpusConfig",
    "HuggingFaceCorpusConfig",
    "IngestConfig",
    "IngestedCorpusConfig",
    "KaldiCorpusConfig",
    "LeaksConfig",
    "LhotseCorpusConfig",
    "LibriSpeechCorpusConfig",
    "LossConfig",
    "ManifestCorpusConfig",
    "MeasureLimits",
    "MfaConfig",
    "MswcCorpusConfig",
    "NemoCorpusConfig",
    "OwnLoss",
    "PopulationConfig",
    "PositiveSeconds",
    "RefitConfig",
    "RejectionConfig",
    "ReportConfig",
    "SamplingConfig",
    "SearchConfig",
    "Section",
    "SegmentsConfig",
    "SelectionConfig",
    "Share",
    "SpeakerFoldersCorpusConfig",
    "SpeechCommandsCorpusConfig",
    "SpokenWordsCorpusConfig",
    "StrategyConfig",
    "StreamConfig",
    "TrainingConfig",
    "TrainingSpec",
    "Uniform",
    "WaveformAugmentationConfig",
]
