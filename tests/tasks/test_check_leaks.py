"""The leak checks as stages: what they plant, refuse, allow and keep."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from in_this_process import without_ray

from kws_core.config import Experiment
from kws_core.errors import LeakError
from kws_core.manifest import Manifest, part_key
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS
from kws_core.segments import STAGE
from kws_core.selection import speaker_split
from kws_core.sound_prints import read_prints
from tasks import check_leaks
from tasks.judge import Trials
from tasks.places import Places
from tasks.prints import selected_prints
from tasks.select import select
from tasks.training_input import TrainingInput

WORDS = ("go", "left", "bed", "cat")
SPEAKERS = 30
PARTS = 3


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    without_ray(monkeypatch)


def experiment(**leaks: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "leaky",
            "corpora": {"words": {"recipe": "manifest", "path": "words.tsv"}},
            "selection": {"keywords": ["go"], "pairs": 50, "out_of_vocabulary_share": 0},
            "alignment_gate": {"enabled": False},
            "evaluation": {"leaks": leaks},
        }
    )


def of_split(name: str) -> str:
    """A speaker of the split."""
    speakers = (f"s{number}" for number in range(SPEAKERS))
    return next(speaker for speaker in speakers if speaker_split(speaker, experiment().selection) == name)


def make(places: Places, copies: float | None = None) -> tuple[str, TrainingInput]:
    """Segments of noise that swells, in three parts; with `copies` a test word is a training word at that level."""
    store, rng = places.store(), np.random.default_rng(0)
    time_s = np.arange(16_000) / 16_000
    heard: dict[tuple[str, str], np.ndarray] = {}
    rows = []
    for speaker in (f"s{number}" for number in range(SPEAKERS)):
        for word in WORDS:
            swell = np.exp(-0.5 * ((time_s - 0.5 - 0.1 * rng.normal()) / 0.1) ** 2)
            heard[speaker, word] = 0.1 * swell * rng.normal(size=16_000) + 1e-3 * rng.normal(size=16_000)
    if copies is not None:
        heard[of_split("test"), "left"] = copies * heard[of_split("train"), "left"]
    for (speaker, word), sound in heard.items():
        ids = {"segment_id": f"{speaker}-{word}", "utterance_id": speaker, "corpus": "words", "speaker_id": speaker}
        who = {"split": "", "label": word, "source": f"{speaker}.wav", "licence": "CC0-1.0"}
        times = {"start_s": 0.0, "end_s": 1.0, "word_start_s": 0.3, "word_end_s": 0.7}
        rows.append({**ids, **who, **times, "audio": (sound * 32767).astype("<i2").tobytes(), "rms": 0.05})
    parts = []
    for number in range(PARTS):
        table = pa.Table.from_pylist(rows[number::PARTS], schema=SEGMENTS)
        key = part_key(STAGE, 1, ["t", copies, number], [])
        parts.append(store.write_part(STAGE, key, "words", PartOutput(table, Quarantine(STAGE).table())))
    manifest = Manifest(STAGE, 1, tuple(parts))
    store.write_manifest(manifest)
    selection, pairs = select.fn(places, experiment(), manifest.fingerprint)
    return manifest.fingerprint, TrainingInput(features="none", selection=selection, pairs=pairs)


def test_clean_data_pass_and_the_findings_are_kept(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    places = Places.in_workspace(tmp_path)
    segments, given = make(places)
    key = check_leaks.check_data_leaks.fn(places, experiment(), segments, given)
    document = places.store().read_document(check_leaks.KIND, key)
    assert document is not None
    assert document["leaks"] == []
    assert "120 segments" in document["compared"][0]
    assert check_leaks.check_data_leaks.fn(places, experiment(), segments, given) == key
    assert "leaks" in capsys.readouterr().err


def test_a_planted_copy_stops_the_run_unless_it_is_allowed(tmp_path: Any) -> None:
    places = Places.in_workspace(tmp_path)
    segments, given = make(places, copies=1.0)
    test, train = of_split("test"), of_split("train")
    told = rf"same audio is in train and test \(1 rows\): segment {test}-left .* = segment {train}-left"
    with pytest.raises(LeakError, match=told):
        check_leaks.check_data_leaks.fn(places, experiment(), segments, given)
    key = check_leaks.check_data_leaks.fn(places, experiment(allowed=["audio"]), segments, given)
    (leak,) = (places.store().read_document(check_leaks.KIND, key) or {})["leaks"]
    assert (leak["check"], leak["count"]) == ("audio", 1)


@pytest.mark.parametrize("copies", [None, 0.4])
def test_a_softer_copy_is_found_among_the_neighbours(tmp_path: Any, copies: float | None) -> None:
    places = Places.in_workspace(tmp_path)
    segments, given = make(places, copies)
    # the samples differ, so the hash finds nothing
    check_leaks.check_data_leaks.fn(places, experiment(), segments, given)
    trials = Trials(places.store(), segments, given.selection, given.pairs)
    selection = trials.selection_table()
    labels = np.unique(selection["label"].to_pylist(), return_inverse=True)[1]
    prints = read_prints(selected_prints(places.store(), trials.segments, selection, ["print"]))
    heard = np.linalg.svd(prints.reshape(len(prints), -1).astype(np.float32), full_matrices=False)[0][:, :8]
    embeddings = np.concatenate([np.eye(len(WORDS), dtype=np.float32)[labels], heard], axis=1)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    leak, notes = check_leaks._same_sounds(trials, selection, embeddings, experiment())
    assert "pairs with near embeddings" in notes[0]
    if copies is None:
        assert leak is None
    else:
        assert leak is not None
        assert leak.count == 1
        assert f"segment {of_split('test')}-left" in leak.rows[0]
        assert f"= segment {of_split('train')}-left" in leak.rows[0]
