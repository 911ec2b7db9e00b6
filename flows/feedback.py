"""`kws feedback`: a table of marked false alarms and misses as a drop."""

from pathlib import Path

from flows.drops import drop_config
from kws_core.config.drop import DropConfig

CORPUS = "feedback"
REJECTED = 0.5
"""Marks are made by hand: half of them may be refused before the table itself is."""


def feedback_config(marks: Path, drop: str, corpus: str, settings: tuple[str, ...]) -> DropConfig:
    """The drop of a table of marks; raises `ConfigError` naming a key or value that is not accepted."""
    given = (f"path={marks}", f"rejection.ingest={REJECTED}", *settings)
    return drop_config(corpus or CORPUS, drop, "feedback", given)
