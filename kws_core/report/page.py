"""The report as one HTML page that needs nothing else."""

import re
from base64 import b64encode
from importlib.resources import files

from markupsafe import Markup

from kws_core.errors import EvaluationError
from kws_core.report.data import ReportData, ReportTable
from kws_core.report.numbers import FAILED, NOTHING

_FIGURE = re.compile(r"[-+]?\d[\d,.]*(e[-+]?\d+)?( (%|ms|s|points))?( \[.*\])?( n [\d,]+)?")


def render_report(data: ReportData) -> str:
    """The page of `data`, equal bytes for equal data.

    Text is escaped; figures go in as they are and must be plain `<svg>` elements without scripts. Raises
    `EvaluationError` for a figure that is not, a table whose rows differ in length, or a repeated table id.
    """
    _check(data)
    from jinja2 import Environment, StrictUndefined  # here: only the report needs it

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["unbroken"] = lambda text: text.replace(" %", "\u00a0%").replace(" ms", "\u00a0ms")
    template = environment.from_string(files("kws_core.report").joinpath("report.html.j2").read_text("utf-8"))
    figures = [(figure.caption, Markup(figure.svg)) for figure in data.figures]  # noqa: S704 - checked above
    summary, tables = ([(table, _numeric_columns(table)) for table in own] for own in (data.summary, data.tables))
    galleries = [
        (
            gallery,
            [(figure.caption, Markup(figure.svg)) for figure in gallery.figures],  # noqa: S704 - checked above
            [(clip, *(b64encode(part).decode() for part in (clip.flac, clip.spectrogram))) for clip in gallery.clips],
        )
        for gallery in data.galleries
    ]
    values = {"summary": summary, "figures": figures, "tables": tables, "galleries": galleries}
    values["links"] = _links((*data.summary, *data.tables))
    return template.render(data=data, **values) + "\n"


def _links(tables: tuple[ReportTable, ...]) -> dict[str, str]:
    """Of each table, its caption up to a colon; all of it where two links would say the same."""
    short = [table.caption.split(":")[0] for table in tables]
    return {
        table.id: table.caption if short.count(name) > 1 else name for table, name in zip(tables, short, strict=True)
    }


def _numeric_columns(table: ReportTable) -> list[bool]:
    """Columns that hold figures only are set flush right."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    figures = [[cell for cell in cells if cell not in (NOTHING, FAILED)] for cells in columns]
    return [bool(cells) and all(_FIGURE.fullmatch(cell) for cell in cells) for cells in figures]


def _check(data: ReportData) -> None:
    for figure in [*data.figures, *(figure for gallery in data.galleries for figure in gallery.figures)]:
        if not figure.svg.startswith("<svg") or re.search(r"<script|\son\w+=|href=\"(?!#)", figure.svg, re.IGNORECASE):
            raise EvaluationError(f"figure {figure.caption!r} must be a plain <svg> element without scripts or links")
    for table in (*data.summary, *data.tables):
        if any(len(row) != len(table.columns) for row in table.rows):
            raise EvaluationError(f"table {table.id!r} has rows that do not fit its {len(table.columns)} columns")
    ids = [*(table.id for table in (*data.summary, *data.tables)), *(gallery.id for gallery in data.galleries)]
    repeated = sorted({table_id for table_id in ids if ids.count(table_id) > 1})
    if repeated:
        raise EvaluationError(f"report tables or galleries share an id: {', '.join(repeated)}")
