"""What a recipe is: how the recordings of a corpus are fetched, listed and read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kws_core.config import IngestConfig
from kws_core.corpora.download import OnProgress
from kws_core.corpora.read_recordings import read_recordings
from kws_core.corpora.recording import Recording
from kws_core.part import PartOutput

Reader = Callable[[str, Any, IngestConfig, list[Recording]], PartOutput | tuple[PartOutput, PartOutput | None]]


@dataclass(frozen=True)
class About:
    """What a person should know before a corpus is used."""

    title: str
    language: str
    size: str
    """Download and hours, as the publisher states them."""
    licence: str
    home: str = ""
    """Page of the corpus; "" where there is none."""
    needs: str = "nothing; it is downloaded"
    """What the user has to bring, if anything."""


@dataclass(frozen=True)
class Recipe:
    """A corpus: `download` where there is something to fetch, then `prepare`, then `read` a part at a time."""

    about: About
    prepare: Callable[..., list[Recording]]
    """Lists the recordings by the corpus's section and, after a download, its folder; nothing is decoded."""
    download: Callable[[Any, Path, OnProgress | None], Path] | None = None
    """Fetches and extracts what is missing below the folder of all corpora; returns the folder of this one."""
    read: Reader = read_recordings
    """Makes one part: its utterances and, where the recipe knows them, the true times of their words."""
