"""Continuous streams of the development and of the test speakers, as datasets."""

from dataclasses import asdict, dataclass

from pydantic import BaseModel, ConfigDict

from kws_core import corpora
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.alignment import STAGE as WORDS
from kws_core.config import Experiment
from kws_core.evaluation.streams.build import STAGE, VERSION, build_streams
from kws_core.evaluation.streams.plan import StreamPlan, plan_streams
from kws_core.evaluation.streams.sources import keyword_pieces, speakers_of, speech_pieces
from kws_core.fingerprint import fingerprint
from kws_core.manifest import Manifest, part_key
from kws_core.part import PartOutput, Quarantine
from kws_core.store import Store
from tasks.parts import Job, make_dataset
from tasks.places import Places
from tasks.stage import stage_task

KIND = "stream_sets"


class StreamSets(BaseModel):
    """Fingerprints of the streams; empty where none are wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: str = ""
    """That models are measured on."""
    development: str = ""
    """That thresholds for false alarms an hour are calibrated on."""


@stage_task("streams")
def make_streams(
    places: Places, experiment: Experiment, utterances: str, words: str, segments: str, selection: str
) -> StreamSets:
    """Make the streams that the experiment asks for; an encoder without keywords needs none."""
    if not experiment.selection.keywords:
        return StreamSets()
    wanted = {
        "test": experiment.streams.enabled,
        "development": experiment.backends.max_false_alarms_per_hour is not None,
    }
    datasets = (utterances, words, segments, selection)
    return StreamSets(**{split: _make(places, experiment, datasets, split) for split in wanted if wanted[split]})


def _make(places: Places, experiment: Experiment, datasets: tuple[str, str, str, str], split: str) -> str:
    store, config = places.store(), experiment.streams
    keywords, left_out = experiment.selection.keywords, experiment.test_corpora | experiment.noise_corpora
    content = [config, split, experiment.seed, keywords, sorted(left_out)]
    key = fingerprint(KIND, VERSION, content, datasets)
    known = store.read_document(KIND, key)
    if known is not None and store.read_manifest(STAGE, known["streams"]) is not None:
        return str(known["streams"])
    utterances = store.dataset(corpora.STAGE, datasets[0])
    segments = store.dataset(segments_stage.STAGE, datasets[2])
    selection = store.read_table(store.dataset(selection_stage.STAGE, datasets[3]))
    speakers = speakers_of(selection, split, left_out)
    speech = speech_pieces(store, utterances, store.dataset(WORDS, datasets[1]), keywords, speakers)
    chosen = keyword_pieces(selection, keywords, split, left_out)
    jobs = []
    for plans in plan_streams(speech, chosen, config, split, experiment.seed):
        spoken = {utterances.parts[piece.part].key for plan in plans for piece in plan.speech}
        cut = {segments.parts[piece.part].key for plan in plans for piece in plan.keywords}
        planned = [config.spacing_s, [asdict(plan) for plan in plans]]
        own = part_key(STAGE, VERSION, planned, sorted(spoken | cut))
        jobs.append(Job(own, "all", _Build(utterances, segments, plans, config.spacing_s)))
    manifest = make_dataset(store, STAGE, VERSION, jobs)
    store.write_document(KIND, key, {"streams": manifest.fingerprint})
    return manifest.fingerprint


@dataclass(frozen=True)
class _Build:
    utterances: Manifest
    segments: Manifest
    plans: tuple[StreamPlan, ...]
    spacing_s: float

    def __call__(self, store: Store) -> PartOutput:
        table = build_streams(store, self.utterances, self.segments, self.plans, self.spacing_s)
        return PartOutput(table, Quarantine(STAGE).table())
