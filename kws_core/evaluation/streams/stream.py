"""An evaluation stream: a continuous recording whose keywords are known, as a row of a dataset."""

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from kws_core.audio import Pcm16, decode_flac, encode_flac
from kws_core.evaluation.streams.facts import StreamFacts
from kws_core.schemas import STREAMS


@dataclass(frozen=True, eq=False)
class EvaluationStream:
    """Sound `pcm [samples]`, 16 kHz mono, and what is known of it."""

    facts: StreamFacts
    pcm: Pcm16

    def table(self) -> pa.Table:
        """One row, with the schema `STREAMS`."""
        facts = self.facts
        row = {
            "stream": facts.name,
            "kind": facts.kind,
            "duration_s": facts.duration_s,
            "audio": encode_flac(self.pcm),
            "events": [asdict(event) for event in facts.events],
            "speakers": list(facts.speakers),
        }
        return pa.Table.from_pylist([row], schema=STREAMS)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "EvaluationStream":
        """The stream of a row."""
        return cls(StreamFacts.from_row(row), decode_flac(row["audio"]))
