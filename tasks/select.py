"""Segments to the indexes `selection` and `pairs`: the alignment gate, vocabulary, splits, trials."""

from dataclasses import dataclass

import pyarrow as pa

from kws_core import pairs as pairs_stage
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.alignment_gate import judge_alignments, read_measures
from kws_core.config import AlignmentGateConfig, Experiment, SelectionConfig
from kws_core.manifest import Manifest, part_key
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE
from kws_core.store import Store
from tasks.console import say
from tasks.parts import Job, check_rejected, make_dataset
from tasks.places import Places
from tasks.stage import stage_task


@stage_task("select")
def select(places: Places, experiment: Experiment, segments: str) -> tuple[str, str]:
    """Index the segments that pass the alignment gate; returns the fingerprints of the selection and of the pair lists.

    Raises:
        CorpusError: the gate rejects a larger share of the segments than accepted.
    """
    store = places.store()
    config, test_corpora = experiment.selection, experiment.test_corpora
    manifest = store.dataset(segments_stage.STAGE, segments)
    training_corpora, official_corpora = experiment.training_corpora, experiment.official_corpora
    gate = experiment.alignment_gate
    content = [config, sorted(test_corpora), sorted(training_corpora), sorted(official_corpora), gate]
    key = part_key(selection_stage.STAGE, selection_stage.VERSION, content, [manifest.fingerprint])
    job = Job(key, "all", _Select(manifest, config, test_corpora, training_corpora, official_corpora, gate))
    selection = make_dataset(store, selection_stage.STAGE, selection_stage.VERSION, [job], max_rejected_share=1.0)
    check_rejected(store, selection, experiment.rejection.gate, manifest.rows)
    pairs_key = part_key(pairs_stage.STAGE, pairs_stage.VERSION, [*content, experiment.seed], [key])
    pairs_job = Job(pairs_key, "all", _Pairs(selection, config, test_corpora, experiment.seed))
    pairs = make_dataset(store, pairs_stage.STAGE, pairs_stage.VERSION, [pairs_job])
    if pairs_stage.CONFUSABLE not in store.read_table(pairs, ["test_set"])["test_set"].unique().to_pylist():
        say("confusable", "no two words of the test speakers sound alike: such trials are left out")
    return selection.fingerprint, pairs.fingerprint


@dataclass(frozen=True)
class _Select:
    segments: Manifest
    config: SelectionConfig
    test_corpora: frozenset[str]
    training_corpora: frozenset[str]
    official_corpora: frozenset[str]
    gate: AlignmentGateConfig

    def __call__(self, store: Store) -> PartOutput:
        index = selection_stage.segment_index(store, self.segments)
        outcome = judge_alignments(read_measures(store, self.segments), self.gate)
        passed = index.filter(pa.array(~outcome.rejected))
        corpora = self.test_corpora, self.training_corpora, self.official_corpora
        table = selection_stage.select(passed, self.config, *corpora)
        return PartOutput(table, outcome.quarantine())


@dataclass(frozen=True)
class _Pairs:
    selection: Manifest
    config: SelectionConfig
    test_corpora: frozenset[str]
    seed: int

    def __call__(self, store: Store) -> PartOutput:
        selection = store.read_table(self.selection)
        table = pairs_stage.draw_pairs(selection, self.test_corpora, self.config, self.seed)
        return PartOutput(table, QUARANTINE.empty_table())
