"""Segments to the dataset `prints`: what leak checks and the groups of an evaluation know of their sound."""

import numpy as np
import pyarrow as pa

from kws_core import segments as segments_stage
from kws_core import sound_prints as prints_stage
from kws_core.manifest import Manifest, Part, part_key
from kws_core.part import PartOutput
from kws_core.store import Store
from tasks.parts import Job, make_dataset


def make_prints(store: Store, segments: Manifest) -> Manifest:
    """Print every segment; returns the dataset, whose rows are those of the segments."""
    jobs = [
        Job(part_key(prints_stage.STAGE, prints_stage.VERSION, None, [part.key]), part.corpus, _Print(part))
        for part in segments.parts
    ]
    return make_dataset(store, prints_stage.STAGE, prints_stage.VERSION, jobs)


def selected_prints(store: Store, segments: Manifest, selection: pa.Table, columns: list[str]) -> pa.Table:
    """Columns of the prints of the selected segments, in the order of the selection."""
    prints = make_prints(store, segments)
    part = selection["part"].to_numpy()
    firsts = np.concatenate([[0], np.cumsum([one.rows for one in prints.parts])])
    return store.read_table(prints, columns).take(pa.array(firsts[part] + selection["row"].to_numpy()))


class _Print:
    def __init__(self, part: Part) -> None:
        self.part = part

    def __call__(self, store: Store) -> PartOutput:
        return prints_stage.print_part(store.read_part(segments_stage.STAGE, self.part, prints_stage.COLUMNS))
