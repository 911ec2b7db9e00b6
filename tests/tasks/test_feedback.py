"""Marked false alarms and misses become a drop, and the selection of the next retrain holds them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from in_this_process import in_this_process, without_ray

from flows.feedback import feedback_config
from kws_core import corpora
from kws_core.config import Experiment, SelectionConfig
from kws_core.corpora.drops import read_drops
from kws_core.errors import ConfigError, CorpusError
from kws_core.selection import segment_index, select
from tasks.add_drop import add_drop
from tasks.align import align
from tasks.cut import cut
from tasks.ingest import ingest
from tasks.places import Places

HEADER = "path\tstart_s\tend_s\tkind\tkeyword\tspoken\tspeaker"
SPEAKERS = [f"speaker-{number}" for number in range(12)]
GOOD = (
    *(f"a.wav\t1.2\t1.6\tmiss\tstop\t\t{speaker}" for speaker in SPEAKERS),
    "a.wav\t3.1\t3.7\tfalse_alarm\tstop\tshop window\tada",
    "b.wav\t0.0\t0.4\tfalse_alarm\tgo\t\t",
)
BAD = (
    ("a.wav\t1\t4.5\tmiss\tgo\t\tada", "its mark is 3.5 s long; at most 2 s are accepted"),
    ("a.wav\t1\t1.5\thit\tgo\t\tada", "its kind 'hit' is none of false_alarm and miss"),
    ("a.wav\t1\t1.5\tfalse_alarm\tgo\tGo\tada", "a false alarm of 'go' cannot be where 'go' is spoken"),
    ("a.wav\t1\t1.5\tmiss\tgo\tstop\tada", "a miss of 'go' cannot be where 'stop' is spoken"),
    ("a.wav\tx\t1.5\tmiss\tgo\t\tada", "its start 'x' and end '1.5' are not both numbers of seconds"),
    ("a.wav\t1\t1.5\tmiss\t\t\tada", "its keyword is empty"),
    ("a.wav\t1\t1.5\tmiss\tgo\t\tada\tmore", "the row has 8 fields; the header has 7"),
    ("gone.wav\t1\t1.5\tmiss\tgo\t\tada", "No such file"),
    ("a.wav\t8.5\t9.1\tmiss\tgo\t\tada", "it ends at 5.00 s"),
)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    without_ray(monkeypatch, in_this_process)
    return Places.in_workspace(tmp_path / "run")


def write_marks(folder: Path, rows: tuple[str, ...]) -> Path:
    """Two recordings of five seconds, loud at the marks, and their table."""
    folder.mkdir(exist_ok=True)
    for seed, (name, moments) in enumerate({"a": (1.2, 3.1), "b": (0.0,)}.items()):
        noise = np.random.default_rng(seed)
        pcm = noise.normal(scale=1e-3, size=80_000)
        for start_s in moments:
            first = round(start_s * 16_000)
            pcm[first : first + 8000] += noise.normal(scale=0.1, size=8000)
        soundfile.write(folder / f"{name}.wav", pcm, 16_000)
    table = folder / "marks.tsv"
    table.write_text("\n".join((HEADER, *rows)) + "\n")
    return table


def test_marks_are_read_back_by_a_selection(places: Places, tmp_path: Path) -> None:
    table = write_marks(tmp_path / "marked", GOOD)
    config = feedback_config(table, "2026-11-22", "", ("licence=ours",))
    added = add_drop.fn(places, config)
    assert (added.state, added.drop.utterances, added.drop.rejected) == ("added", len(GOOD), 0)
    assert add_drop.fn(places, config).state == "present"
    store = places.store()
    assert [drop.id for drop in read_drops(store, "feedback").drops] == ["2026-11-22"]

    section = {"recipe": "ingested", "aligner": "whole_clip"}
    experiment = Experiment.model_validate(
        {
            "name": "next",
            "corpora": {"feedback": section},
            "selection": {"keywords": ["stop", "go"]},
            "segments": {"background_share": 0},
        }
    )
    utterances = ingest.fn(places, experiment)
    rows = store.read_table(store.dataset(corpora.STAGE, utterances)).to_pylist()
    assert {(row["text"], row["speaker_id"], row["duration_s"], row["licence"]) for row in rows} == {
        *(("stop", speaker, 1.0, "ours") for speaker in SPEAKERS),
        ("shop window", "ada", 1.0, "ours"),
        ("not go", "unknown in b.wav", 0.7, "ours"),
    }
    words = align.fn(places, experiment, utterances)
    segments = cut.fn(places, experiment, utterances, words)
    index = segment_index(store, store.dataset("segments", segments))
    selection = SelectionConfig(
        keywords=("stop",), min_train_segments=1, development_share=0.3, test_share=0.3, out_of_vocabulary_share=0
    )
    chosen = select(index, selection, frozenset())
    roles = dict(zip(chosen["label"].to_pylist(), chosen["role"].to_pylist(), strict=True))
    assert roles == {"not go": "non-target", "shop window": "non-target", "stop": "target"}


def test_marks_that_cannot_be_used_lie_in_quarantine(places: Places, tmp_path: Path) -> None:
    table = write_marks(tmp_path / "marked", (*GOOD, *(row for row, _ in BAD)))
    told = r"^utterances: 9 of 23 inputs were rejected, at most 20.0% are accepted: a.wav at 1 s, false_alarm of go"
    with pytest.raises(CorpusError, match=told):
        add_drop.fn(places, feedback_config(table, "2026-11", "", ("rejection.ingest=0.2",)))
    added = add_drop.fn(places, feedback_config(table, "2026-11", "", ("rejection.ingest=1",)))
    assert (added.drop.utterances, added.drop.rejected) == (len(GOOD), len(BAD))
    store = places.store()
    dataset = store.read_manifest(corpora.STAGE, added.drop.dataset)
    assert dataset is not None
    reasons = {row["source"]: row["reason"] for row in store.read_quarantine(dataset).to_pylist()}
    for number, (_, reason) in enumerate(BAD, start=len(GOOD) + 2):
        (found,) = [told for source, told in reasons.items() if source.endswith(f"marks.tsv line {number}")]
        assert reason in found


def test_tables_that_are_no_marks(tmp_path: Path) -> None:
    for header, told in (
        ("path\tstart_s\tend_s\tkind", r"column 'keyword' is missing; it has path, start_s, end_s, kind$"),
        (f"{HEADER}\tcolour", "column 'colour' is unknown or there twice"),
        (HEADER, "there are no marks in it"),
    ):
        table = tmp_path / "marks.tsv"
        table.write_text(header + "\n")
        config = feedback_config(table, "2026-11", "", ())
        with pytest.raises(CorpusError, match=told):
            corpora.plan_corpus(config.source)
    with pytest.raises(ConfigError, match="'2026-13' is not the date of a drop"):
        feedback_config(tmp_path, "2026-13", "", ())
