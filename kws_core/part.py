"""What a stage makes of one unit of work: rows, and the inputs it rejected."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from kws_core.schemas import QUARANTINE


@dataclass
class Quarantine:
    """Collects rejected inputs of one stage, each with its reason; nothing is dropped in silence."""

    stage: str
    sources: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(self, source: str, reason: str) -> None:
        """Reject one input, named by a path or an id."""
        self.sources.append(source)
        self.reasons.append(reason)

    def table(self) -> pa.Table:
        """The rejected inputs as a quarantine table."""
        columns = [[self.stage] * len(self.sources), self.sources, self.reasons]
        return pa.table(
            [pa.array(column, pa.string()) for column in columns],
            schema=QUARANTINE,
        )


@dataclass(frozen=True)
class PartOutput:
    """The rows of one part and its quarantine."""

    table: pa.Table
    quarantine: pa.Table


@dataclass(frozen=True)
class PartStream:
    """The rows of one part as they are made, so that it need not be in memory whole."""

    schema: pa.Schema
    tables: Iterable[pa.Table]
    quarantine: Callable[[], pa.Table]
    """The rejected inputs; called when all tables have been read."""

    @classmethod
    def of(cls, output: PartOutput) -> "PartStream":
        """What is in memory already."""
        return cls(output.table.schema, [output.table], lambda: output.quarantine)

    def collect(self) -> PartOutput:
        """All rows in memory."""
        table = pa.concat_tables([self.schema.empty_table(), *self.tables])
        return PartOutput(table, self.quarantine())
