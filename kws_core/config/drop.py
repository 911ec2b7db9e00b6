"""One drop of recordings, as `kws ingest` is told to add it."""

from pydantic import Field, model_validator

from kws_core.config.base import Section
from kws_core.config.corpora import CorpusConfig, IngestConfig
from kws_core.config.corpora.ingested import DropId
from kws_core.config.decision import RejectionConfig


class DropConfig(Section):
    """Everything that decides the bytes of a drop."""

    corpus: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Name of the corpus that the drop is added to."""
    drop: DropId
    source: CorpusConfig
    """Where the recordings come from. `use` is `noise` or left out, and `aligner` is left out: the experiment that
    reads the corpus decides on them."""
    ingest: IngestConfig = IngestConfig()
    rejection: RejectionConfig = RejectionConfig()
    """Only `ingest` counts here."""

    @model_validator(mode="after")
    def _check(self) -> "DropConfig":
        if self.source.recipe == "ingested":
            raise ValueError("recipe ingested reads drops; name the recipe that reads the recordings")
        if "aligner" in self.source.model_fields_set:
            raise ValueError("aligner is no setting of a drop: the experiment that reads the corpus names it")
        if "use" in self.source.model_fields_set and self.source.use != "noise":
            raise ValueError(
                f"use: {self.source.use} is no setting of a drop: only use: noise is, for noise recordings"
            )
        return self
