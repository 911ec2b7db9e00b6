"""A stage's notes as Prefect artifacts: a summary that a person reads, and a table of what was rejected."""

from collections.abc import Mapping
from typing import Any

from kws_core.manifest import Manifest, Part
from tasks.artifacts import artifact_key, attempt
from tasks.flow_run import flow_run_id
from tasks.stage_record import MadeDataset, StageRecord

LINES = 100
"""What a stage said last is in its summary; all of it is in the log."""
REASONS = 50
"""Reasons of a table at most; the most frequent come first."""
READ = 100_000
"""About so many rejected inputs are read at most to count their reasons."""


def publish_record(record: StageRecord, error: Exception | None) -> None:
    """Write the summary of a stage that has ended, or failed with `error`; nothing outside of a flow run."""
    if not flow_run_id():
        return
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    key = artifact_key(record.stage, record.experiment)
    attempt(
        f"the summary of {record.stage}",
        lambda: create_markdown_artifact(summary(record, error), key=key, description=_title(record)),
    )
    for dataset in record.datasets:
        # of what had been there, the run that made it has left the table
        if dataset.manifest.rejected and (dataset.computed or error is not None):
            _publish_rejected(record, dataset, create_table_artifact)


def summary(record: StageRecord, error: Exception | None = None) -> str:
    """Markdown: how the stage ended, its datasets, what it said, and where things lie."""
    paragraphs = [f"**{_title(record)}**: {_outcome(record, error)}"]
    if record.datasets:
        rows = [
            f"| {made.manifest.stage} | {made.manifest.rows:,} | {made.manifest.rejected:,} | {_parts(made)} "
            f"| {made.seconds:.1f} |"
            for made in record.datasets
        ]
        head = "| dataset | rows | rejected | parts | seconds |\n|---|---:|---:|---|---:|"
        paragraphs.append("\n".join([head, *rows]))
    if len(record.lines) > LINES:
        paragraphs.append(f"The last {LINES} of {len(record.lines):,} lines:")
    if record.lines:
        paragraphs.append("\n".join(f"- {_line(record, *line)}" for line in record.lines[-LINES:]))
    return "\n\n".join([*paragraphs, *markdown_links(record.links)])


def markdown_links(links: Mapping[str, str]) -> list[str]:
    """Addresses by what they are called; what no browser opens is shown as it is."""
    opened = ("http://", "https://", "file://")
    return [
        f"[{_escaped(name)}]({address})" if address.startswith(opened) else f"{name}: `{address}`"
        for name, address in links.items()
    ]


def rejected_rows(made: MadeDataset) -> list[dict[str, Any]]:
    """The reasons why inputs of a dataset were rejected, the most frequent first, each with an example."""
    from kws_core.report.tables import rejections_table

    read = _first(made.manifest)
    table = rejections_table(made.store.read_quarantine(read))
    rows = [{"inputs": inputs, "example": example} for _, inputs, example in table.rows]
    left_out, unread = len(rows) - REASONS, made.manifest.rejected - read.rejected
    rows = rows[:REASONS]
    if left_out > 0:
        rows.append({"inputs": "", "example": f"{left_out:,} rarer reasons"})
    if unread:
        rows.append({"inputs": f"{unread:,}", "example": "not looked at"})
    return rows


def _first(manifest: Manifest) -> Manifest:
    """The first parts, with enough rejected inputs to know the reasons by."""
    chosen: list[Part] = []
    while len(chosen) < len(manifest.parts) and sum(part.rejected for part in chosen) < READ:
        chosen.append(manifest.parts[len(chosen)])
    return Manifest(manifest.stage, manifest.version, tuple(chosen))


def _publish_rejected(record: StageRecord, made: MadeDataset, create: Any) -> None:
    dataset = made.manifest.stage
    key = artifact_key("rejected", dataset, record.experiment)
    said = f"{made.manifest.rejected:,} inputs of {dataset} of {record.experiment} were rejected"
    attempt(
        f"the rejected inputs of {dataset}",
        lambda: create(rejected_rows(made), key=key, description=said),
    )


def _title(record: StageRecord) -> str:
    return f"{record.stage} of {record.experiment}" if record.experiment else record.stage


def _outcome(record: StageRecord, error: Exception | None) -> str:
    if error is not None:
        return f"failed after {record.seconds:.1f} s: {_escaped(' '.join(str(error).split()) or type(error).__name__)}"
    if record.worked or any(made.computed for made in record.datasets):
        return f"made in {record.seconds:.1f} s"
    # where something else is said, that tells what was done
    done = "all of it was there" if record.datasets and not record.lines else "done"
    return f"{done} in {record.seconds:.1f} s"


def _line(record: StageRecord, label: str, text: str) -> str:
    return _escaped(text if label == record.stage else f"{label}: {text}")


def _parts(made: MadeDataset) -> str:
    parts = len(made.manifest.parts)
    return f"{parts:,}, {made.computed:,} computed" if made.computed else f"{parts:,}, all there"


def _escaped(text: str) -> str:
    """Text whose signs Markdown leaves as they are."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text)
