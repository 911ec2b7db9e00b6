"""The alignment gate in the stage `select`, on a real local Ray."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kws_core.config import Experiment
from kws_core.errors import CorpusError
from kws_core.manifest import Manifest, part_key
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS
from kws_core.segments import STAGE
from kws_core.store import Store
from tasks.places import Places
from tasks.select import select

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
    pytest.mark.usefixtures("local_ray"),
]
WORDS = ("go", "left", "bed", "cat", "dog")
SPEAKERS = 40
WRONG = {"s3", "s17"}
"""All words of these speakers' one utterance are aligned badly."""


def experiment(**changes: Any) -> Experiment:
    gate = {"min_words": 20, "min_utterances": 10, **changes.pop("alignment_gate", {})}
    return Experiment.model_validate(
        {
            "name": "gated",
            "corpora": {"words": {"recipe": "manifest", "path": "words.tsv"}},
            "selection": {"keywords": ["go"], "pairs": 50, "out_of_vocabulary_share": 0},
            "alignment_gate": gate,
            **changes,
        }
    )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Places, str]:
    places = Places.in_workspace(tmp_path_factory.mktemp("gate"))
    store, random = places.store(), np.random.default_rng(0)
    rows = []
    for speaker in (f"s{number}" for number in range(SPEAKERS)):
        for place, word in enumerate(WORDS):
            score = (-6.0 if speaker in WRONG else -1.0) + 0.1 * random.normal()
            ids = {"segment_id": f"{speaker}-{place}", "utterance_id": speaker, "corpus": "words"}
            who = {"speaker_id": speaker, "split": "", "label": word, "source": f"{speaker}.wav", "licence": "CC0-1.0"}
            times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.3, "word_end_s": 0.7, "audio": b"\0\0"}
            rows.append({**ids, **who, **times, "score": score, "rms": 0.05 * float(random.uniform(0.8, 1.2))})
    table = pa.Table.from_pylist(rows, schema=SEGMENTS)
    part = store.write_part(STAGE, part_key(STAGE, 1, "t", []), "words", PartOutput(table, Quarantine(STAGE).table()))
    manifest = Manifest(STAGE, 1, (part,))
    store.write_manifest(manifest)
    return places, manifest.fingerprint


def selected(store: Store, fingerprint: str) -> set[str]:
    table = store.read_table(store.dataset("selection", fingerprint))
    return {segment_id.split("-")[0] for segment_id in table["segment_id"].to_pylist()}


def test_rejected_segments_are_in_quarantine_and_nowhere_else(given: tuple[Places, str]) -> None:
    places, segments = given
    store = places.store()
    selection, pairs = select.fn(places, experiment(), segments)
    assert selected(store, selection) == {f"s{number}" for number in range(SPEAKERS)} - WRONG
    sides = store.read_table(store.dataset("pairs", pairs))
    assert not {side.split("-")[0] for name in ("left", "right") for side in sides[name].to_pylist()} & WRONG
    rejected = store.read_quarantine(store.dataset("selection", selection)).to_pylist()
    assert len(rejected) == len(WRONG) * len(WORDS)
    assert {row["source"].split(".wav")[0] for row in rejected} == WRONG
    assert {row["stage"] for row in rejected} == {"alignment gate"}
    assert all(row["reason"].startswith("its utterance's median alignment score -") for row in rejected)
    # an index: other settings give another selection of the same segments, which stay as they are
    everything, _ = select.fn(places, experiment(alignment_gate={"enabled": False}), segments)
    assert everything != selection
    assert selected(store, everything) == {f"s{number}" for number in range(SPEAKERS)}
    assert select.fn(places, experiment(), segments) == (selection, pairs)


def test_too_many_rejected_fail_the_run(given: tuple[Places, str]) -> None:
    places, segments = given
    told = r"selection: 10 of 200 inputs were rejected, at most 4\.0% are accepted: s\d+\.wav segment .* below"
    with pytest.raises(CorpusError, match=told):
        select.fn(places, experiment(rejection={"gate": 0.04}), segments)
    assert select.fn(places, experiment(rejection={"gate": 0.06}), segments)
