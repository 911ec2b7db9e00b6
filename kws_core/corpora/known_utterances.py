"""Utterances of a new drop that earlier drops have already.

A cumulative export offers old recordings again, and an utterance must not be trained on twice. The earlier part stays
as it is; the later one is replaced by a part without the utterance, which lies in its quarantine with the name of the
earlier drop. Two utterances are the same when their ids are: corpus, speaker, text and samples.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kws_core.part import PartOutput, Quarantine

Numbers = npt.NDArray[np.uint64]


def id_numbers(utterance_ids: pa.ChunkedArray | pa.Array) -> Numbers:
    """Utterance ids, 16 hexadecimal digits each, as numbers `[n]`: 8 bytes an utterance, whatever the corpus weighs."""
    return np.frombuffer(bytes.fromhex("".join(utterance_ids.to_pylist())), dtype=">u8").astype(np.uint64)


def find_known(offered: Sequence[Numbers], earlier: Iterable[tuple[str, pa.Table]]) -> dict[int, str]:
    """Utterances that earlier drops have, by number, each with where it is.

    Args:
        offered: the ids of every part of the new drop.
        earlier: id of the drop and inventory of every part of the earlier drops, read one after the other.
    """
    wanted = np.unique(np.concatenate([*offered, np.empty(0, np.uint64)]))
    known: dict[int, str] = {}
    if not wanted.size:
        return known
    for drop, inventory in earlier:
        numbers = id_numbers(inventory["utterance_id"])
        places = np.minimum(np.searchsorted(wanted, numbers), len(wanted) - 1)
        for row in np.flatnonzero(wanted[places] == numbers):
            known[int(numbers[row])] = f"{inventory['source'][int(row)].as_py()} of drop {drop}"
    return known


def leave_out(utterances: pa.Table, quarantine: pa.Table, known: dict[str, str], stage: str) -> PartOutput:
    """The part without the known utterances; `known` says by utterance id where they are already."""
    rows = utterances["utterance_id"].to_pylist()
    left_out = Quarantine(stage)
    for identity, source in zip(rows, utterances["source"].to_pylist(), strict=True):
        if identity in known:
            left_out.add(source, f"the same speaker, text and audio as {known[identity]}")
    kept = utterances.filter(pa.array([identity not in known for identity in rows], pa.bool_()))
    return PartOutput(kept.combine_chunks(), pa.concat_tables([quarantine, left_out.table()]))
