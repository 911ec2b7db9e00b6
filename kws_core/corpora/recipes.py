"""The recipe of a corpus by its configuration."""

from kws_core.config import (
    CorpusSection,
    DemoCorpusConfig,
    IngestConfig,
    ManifestCorpusConfig,
    SpokenWordsCorpusConfig,
)
from kws_core.corpora.demo_recipe import plan_demo_recordings, prepare_demo
from kws_core.corpora.manifest import plan_manifest, prepare_manifest
from kws_core.corpora.recording import Recording
from kws_core.corpora.spoken_words_recipe import plan_spoken_words_recordings, prepare_spoken_words
from kws_core.errors import ConfigError
from kws_core.part import PartOutput


def plan_corpus(config: CorpusSection) -> list[Recording]:
    """List the recordings of a corpus; nothing is decoded or synthesised yet."""
    if isinstance(config, DemoCorpusConfig):
        return plan_demo_recordings(config)
    if isinstance(config, ManifestCorpusConfig):
        return plan_manifest(config)
    if isinstance(config, SpokenWordsCorpusConfig):
        return plan_spoken_words_recordings(config)
    raise ConfigError(f"corpus configuration {type(config).__name__} has no recipe")


def prepare_part(
    corpus: str, config: CorpusSection, ingest: IngestConfig, recordings: list[Recording]
) -> tuple[PartOutput, PartOutput | None]:
    """Make one part: its utterances and, where the recipe knows them, the true times of their words."""
    if isinstance(config, DemoCorpusConfig):
        return prepare_demo(corpus, config, ingest, recordings)
    if isinstance(config, ManifestCorpusConfig):
        return prepare_manifest(corpus, config, ingest, recordings), None
    if isinstance(config, SpokenWordsCorpusConfig):
        return prepare_spoken_words(corpus, config, ingest, recordings), None
    raise ConfigError(f"corpus configuration {type(config).__name__} has no recipe")
