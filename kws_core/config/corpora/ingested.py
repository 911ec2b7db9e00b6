"""Corpora that `kws ingest` keeps in the store: `ingested`."""

import datetime
import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator

from kws_core.config.corpora.section import CorpusSection

DROP_FORMS = "YYYY-MM or YYYY-MM-DD, such as 2026-11 or 2026-11-05"


def check_drop_id(drop: str) -> str:
    """Return the id of a drop, a month or a day; raises `ValueError` when it is none."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?", drop):
        raise ValueError(f"{drop!r} is not the date of a drop; {DROP_FORMS} is accepted")
    try:
        datetime.date.fromisoformat(drop if len(drop) > len("2026-11") else f"{drop}-01")
    except ValueError as error:
        raise ValueError(f"{drop!r} is not the date of a drop: {error}; {DROP_FORMS} is accepted") from error
    return drop


def _as_written(value: object) -> object:
    """Undo YAML, which reads 2026-11-05 as a date and not as text."""
    return value.isoformat() if type(value) is datetime.date else value


DropId = Annotated[str, BeforeValidator(_as_written), AfterValidator(check_drop_id)]
"""A month or a day; ids sort by date, a month before its days."""


class IngestedCorpusConfig(CorpusSection):
    """Drops that `kws ingest` added to the store (recipe `ingested`); their sources are not needed any more.

    `language` is the one that the drops were ingested with: it chooses the aligner's pronunciations.
    """

    recipe: Literal["ingested"] = "ingested"
    corpus: str = ""
    """Name that the corpus was ingested under; the name of this section when empty, and no other is accepted, because
    every row carries the name of its corpus."""
    drops: Literal["all"] | tuple[DropId, ...] = "all"
    """The drops to read, or all that the store has when the run starts."""
    until: DropId | None = None
    """The last day or month, inclusive, that drops are read of: a run that is repeated later reads no newer ones."""

    official_splits: ClassVar[bool] = True
    noise_recordings: ClassVar[bool] = True
