"""Utterances with the same samples: one recording under two names, or in two corpora."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

Inventories = Callable[[], Iterable[tuple[str, pa.Table]]]
"""Corpus and inventory of every part; called twice, so that only what is repeated is held in memory."""


@dataclass(frozen=True)
class RepeatedAudio:
    """Utterances of one content, in the order of the parts."""

    audio_md5: str
    utterances: tuple[dict[str, str], ...]
    """`corpus`, `speaker_id`, `utterance_id` and `source` of each."""

    @property
    def corpora(self) -> tuple[str, ...]:
        """The corpora that have it, sorted."""
        return tuple(sorted({utterance["corpus"] for utterance in self.utterances}))


def find_repeated_audio(inventories: Inventories) -> list[RepeatedAudio]:
    """All contents that more than one utterance has, those of several corpora first."""
    prefixes = np.concatenate([np.empty(0, np.uint64), *(_prefixes(table) for _, table in inventories())])
    found, counts = np.unique(prefixes, return_counts=True)
    repeated = found[counts > 1]
    groups: dict[str, list[dict[str, str]]] = {}
    for corpus, table in inventories() if repeated.size else ():
        for row in np.flatnonzero(np.isin(_prefixes(table), repeated)):
            values = table.slice(int(row), 1).to_pylist()[0]
            utterance = {name: values[name] for name in ("speaker_id", "utterance_id", "source")}
            groups.setdefault(values["audio_md5"], []).append({"corpus": corpus, **utterance})
    # half an MD5 may be shared by chance, all of it is not
    contents = [RepeatedAudio(md5, tuple(rows)) for md5, rows in groups.items() if len(rows) > 1]
    return sorted(contents, key=lambda content: (-len(content.corpora), content.audio_md5))


def repeated_audio_document(contents: list[RepeatedAudio]) -> dict[str, Any]:
    """What is kept of a dataset: how much is repeated, and every case."""
    return {
        "contents": len(contents),
        "utterances": sum(len(content.utterances) for content in contents),
        "across_corpora": sum(len(content.corpora) > 1 for content in contents),
        "cases": [asdict(content) for content in contents],
    }


def _prefixes(inventory: pa.Table) -> np.ndarray[Any, np.dtype[np.uint64]]:
    halves = "".join(md5[:16] for md5 in inventory["audio_md5"].to_pylist())
    return np.frombuffer(bytes.fromhex(halves), dtype=">u8").astype(np.uint64)
