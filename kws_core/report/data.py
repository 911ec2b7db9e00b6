"""What a report says, apart from how it looks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One line about the run, such as its seed or the fingerprint of a dataset it was made from."""

    name: str
    value: str


@dataclass(frozen=True)
class Verdict:
    """Whether the run's model is the one in service now, and why."""

    promoted: bool
    reason: str


@dataclass(frozen=True)
class ReportTable:
    """A table of formatted cells; `id` is unique in the report and can be linked to as `#id`."""

    id: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    folded: bool = False
    """Long tables that few readers need start folded."""
    remarks: tuple[str, ...] = ()
    """What the data of the table is too small to show; a folded list below it."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure as an `<svg>` element; it goes into the page as it is."""

    caption: str
    svg: str


@dataclass(frozen=True)
class ReportClip:
    """Something to hear: a FLAC file, and what it is; `spectrogram` is a PNG, or empty."""

    title: str
    note: str
    flac: bytes
    spectrogram: bytes = b""


@dataclass(frozen=True)
class ReportGallery:
    """A section of figures and clips; `id` is unique among those of tables and galleries."""

    id: str
    caption: str
    figures: tuple[ReportFigure, ...] = ()
    clips: tuple[ReportClip, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ReportData:
    """A whole report: `facts` name the run, `verdict` is its headline (`None`: no gate was asked).

    Figures come first, then tables, galleries and, last, the tables that start folded.
    """

    title: str
    facts: tuple[Fact, ...] = ()
    verdict: Verdict | None = None
    tables: tuple[ReportTable, ...] = ()
    figures: tuple[ReportFigure, ...] = ()
    galleries: tuple[ReportGallery, ...] = ()
    summary: tuple[ReportTable, ...] = ()
    """Tables that stand before the figures."""
    remarks: tuple[str, ...] = ()
    """What the data is too small to show, or could not be measured."""
