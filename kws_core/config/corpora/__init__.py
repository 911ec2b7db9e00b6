"""Corpora: where recordings come from, and what they serve for; one file a family."""

from typing import Annotated

from pydantic import Field

from kws_core.config.corpora.imported import (
    FeedbackCorpusConfig,
    HuggingFaceCorpusConfig,
    KaldiCorpusConfig,
    LhotseCorpusConfig,
    ManifestCorpusConfig,
    NemoCorpusConfig,
    SpeakerFoldersCorpusConfig,
)
from kws_core.config.corpora.ingest import IngestConfig
from kws_core.config.corpora.ingested import IngestedCorpusConfig
from kws_core.config.corpora.published import (
    AishellCorpusConfig,
    An4CorpusConfig,
    CommonVoiceCorpusConfig,
    DownloadedCorpusSection,
    FsddCorpusConfig,
    HelloNpuCorpusConfig,
    LibriSpeechCorpusConfig,
    MswcCorpusConfig,
    SpeechCommandsCorpusConfig,
)
from kws_core.config.corpora.section import AlignerName, CorpusSection
from kws_core.config.corpora.synthesised import DemoCorpusConfig, SpokenWordsCorpusConfig

CorpusConfig = Annotated[
    DemoCorpusConfig
    | ManifestCorpusConfig
    | FeedbackCorpusConfig
    | IngestedCorpusConfig
    | SpeakerFoldersCorpusConfig
    | KaldiCorpusConfig
    | NemoCorpusConfig
    | LhotseCorpusConfig
    | HuggingFaceCorpusConfig
    | SpokenWordsCorpusConfig
    | AishellCorpusConfig
    | An4CorpusConfig
    | CommonVoiceCorpusConfig
    | FsddCorpusConfig
    | HelloNpuCorpusConfig
    | LibriSpeechCorpusConfig
    | MswcCorpusConfig
    | SpeechCommandsCorpusConfig,
    Field(discriminator="recipe"),
]
"""Any corpus of the experiment; `recipe` says which."""

__all__ = [
    "AishellCorpusConfig",
    "AlignerName",
    "An4CorpusConfig",
    "CommonVoiceCorpusConfig",
    "CorpusConfig",
    "CorpusSection",
    "DemoCorpusConfig",
    "DownloadedCorpusSection",
    "FeedbackCorpusConfig",
    "FsddCorpusConfig",
    "HelloNpuCorpusConfig",
    "HuggingFaceCorpusConfig",
    "IngestConfig",
    "IngestedCorpusConfig",
    "KaldiCorpusConfig",
    "LhotseCorpusConfig",
    "LibriSpeechCorpusConfig",
    "ManifestCorpusConfig",
    "MswcCorpusConfig",
    "NemoCorpusConfig",
    "SpeakerFoldersCorpusConfig",
    "SpeechCommandsCorpusConfig",
    "SpokenWordsCorpusConfig",
]
