"""Drops of a corpus from recordings to features, through the real stages."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from in_this_process import in_this_process, without_ray

from kws_core import corpora
from kws_core.config import Experiment
from kws_core.config.drop import DropConfig
from kws_core.corpora import inventory
from kws_core.corpora.drops import add_revision, read_drops
from kws_core.errors import CorpusError, StoreError
from kws_core.manifest import Part
from kws_core.store import Store
from tasks.add_drop import AddedDrop, add_drop
from tasks.align import align
from tasks.cut import cut
from tasks.featurise import featurise
from tasks.ingest import REFERENCE, ingest
from tasks.parts import Job
from tasks.places import Places
from tasks.repeated_audio import KIND

WORDS = ("go", "stop", "left")
COMPUTED: list[str] = []
"""Stages of the parts that were computed since the list was last cleared."""


def noting(store: Store, stage: str, jobs: list[Job]) -> Iterator[Part]:
    """Make parts in this process, and say that they were."""
    for job in jobs:
        COMPUTED.append(stage)
        yield from in_this_process(store, stage, [job])


@pytest.fixture(autouse=True)
def _executor(monkeypatch: pytest.MonkeyPatch) -> None:
    without_ray(monkeypatch, noting)
    COMPUTED.clear()


@pytest.fixture(params=["local", "s3"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    """A new workspace, its store on a folder and on S3."""
    url = "" if request.param == "local" else str(request.getfixturevalue("s3_url")) + "/store"
    return Places.in_workspace(tmp_path / "run", store_url=url)


@pytest.fixture
def local(tmp_path: Path) -> Places:
    return Places.in_workspace(tmp_path / "run")


def deliver(folder: Path, speakers: range | tuple[int, ...], licence: str = "CC BY") -> Path:
    """Recordings of some speakers, three words each, and their table; the same speaker says the same each time."""
    folder.mkdir()
    lines = ["path\tspeaker\ttext\tlicence"]
    for speaker in speakers:
        for number, word in enumerate(WORDS):
            rng = np.random.default_rng([speaker, number])
            pcm = rng.normal(scale=1e-3, size=16_000)
            pcm[4000:12000] += rng.normal(scale=0.1, size=8000)
            soundfile.write(folder / f"{speaker}-{word}.wav", pcm, 16_000)
            lines.append(f"{speaker}-{word}.wav\tspeaker-{speaker}\t{word}\t{licence}")
    table = folder / "words.tsv"
    table.write_text("\n".join(lines) + "\n")
    return table


def configured(table: Path, drop: str, **changes: Any) -> DropConfig:
    source = {"recipe": "manifest", "path": str(table), **changes.pop("source", {})}
    # parts of about two speakers
    whole = {"corpus": "ours", "drop": drop, "source": source, "ingest": {"part_bytes": 200_000}, **changes}
    return DropConfig.model_validate(whole)


def add(places: Places, table: Path, drop: str, **changes: Any) -> AddedDrop:
    return add_drop.fn(places, configured(table, drop, **changes))


def experiment(**changes: Any) -> Experiment:
    ours = {"recipe": "ingested", "aligner": "whole_clip", **changes}
    sections = {"selection": {"keywords": ["go"]}, "segments": {"background_share": 0}}
    return Experiment.model_validate({"name": "ours", "corpora": {"ours": ours}, **sections})


def make_features(places: Places, config: Experiment) -> dict[str, str]:
    """Fingerprint of every dataset up to the features."""
    utterances = ingest.fn(places, config)
    words = align.fn(places, config, utterances)
    segments = cut.fn(places, config, utterances, words)
    return {
        "utterances": utterances,
        "words": words,
        "segments": segments,
        "features": featurise.fn(places, config, segments),
    }


def ids(store: Store, dataset: str) -> list[str]:
    table = store.read_table(store.dataset(corpora.STAGE, dataset), ["utterance_id"])
    return table["utterance_id"].to_pylist()


def test_a_later_retrain_computes_only_the_parts_of_the_new_drop(local: Places, tmp_path: Path) -> None:
    first = add(local, deliver(tmp_path / "october", range(6)), "2026-10")
    assert first.state == "added"
    assert (first.drop.utterances, first.drop.speakers, first.drop.rejected, first.drop.known) == (18, 6, 0, 0)
    assert first.drop.hours == pytest.approx(18 / 3600, abs=1e-4)
    assert first.drop.licences == {"CC BY": 18}
    store = local.store()
    old = make_features(local, experiment())
    old_parts = {stage: store.dataset(stage, key).parts for stage, key in old.items()}
    assert len(old_parts["utterances"]) >= 2

    second = add(local, deliver(tmp_path / "november", range(10, 13), "CC0"), "2026-11")
    for folder in ("october", "november"):  # a retrain needs no source any more
        shutil.rmtree(tmp_path / folder)
    COMPUTED.clear()
    new = make_features(local, experiment())
    added = len(store.dataset(corpora.STAGE, second.drop.dataset).parts)
    assert sorted(COMPUTED) == sorted(["words", "segments", "features"] * added)
    for stage, key in new.items():
        parts = store.dataset(stage, key).parts
        assert parts[: len(old_parts[stage])] == old_parts[stage]
        assert len(parts) == len(old_parts[stage]) + added
    assert store.dataset("features", new["features"]).rows == 27

    COMPUTED.clear()
    assert make_features(local, experiment(until="2026-10")) == old
    assert make_features(local, experiment(drops=["2026-10"])) == old
    assert not COMPUTED


def test_what_an_earlier_drop_has_is_left_out_and_named(local: Places, tmp_path: Path) -> None:
    first = add(local, deliver(tmp_path / "october", range(5)), "2026-10")
    second = add(local, deliver(tmp_path / "november", range(3, 9)), "2026-11")
    assert (second.drop.utterances, second.drop.known, second.drop.rejected) == (12, 6, 0)
    assert second.drop.speakers == 4
    store = local.store()
    both = ids(store, first.drop.dataset) + ids(store, second.drop.dataset)
    assert len(both) == len(set(both)) == 27
    reasons = store.read_quarantine(store.dataset(corpora.STAGE, second.drop.dataset)).to_pylist()
    assert sorted((row["stage"], row["source"], row["reason"]) for row in reasons) == [
        ("utterances", name, f"the same speaker, text and audio as {name} of drop 2026-10")
        for name in sorted(f"{speaker}-{word}.wav" for speaker in (3, 4) for word in WORDS)
    ]
    # the share of inputs that a run may reject does not count them
    assert sorted(ids(store, ingest.fn(local, experiment()))) == sorted(both)
    # a cumulative export may hold nothing new at all
    third = add(local, deliver(tmp_path / "december", range(9)), "2026-12")
    assert (third.state, third.drop.utterances, third.drop.known) == ("added", 0, 27)
    assert sorted(ids(store, ingest.fn(local, experiment()))) == sorted(both)


def test_the_same_content_is_a_no_op_and_other_content_is_refused(local: Places, tmp_path: Path) -> None:
    table = deliver(tmp_path / "october", range(3))
    first = add(local, table, "2026-10")
    COMPUTED.clear()
    assert add(local, table, "2026-10") == AddedDrop("present", first.drop)
    assert not COMPUTED
    sentence = (
        r"^the drop 2026-10 of 'ours' exists with other content \(added 20.* by recipe manifest\): other recordings "
        r"need another date, and the same ones the same settings$"
    )
    with pytest.raises(CorpusError, match=sentence):
        add(local, deliver(tmp_path / "other", range(4)), "2026-10")
    with pytest.raises(CorpusError, match=sentence):
        add(local, table, "2026-10", ingest={"part_bytes": 200_000, "max_duration_s": 5})
    assert not COMPUTED
    assert read_drops(local.store(), "ours").drops == (first.drop,)
    assert read_drops(local.store(), "ours").revision == 1


def test_a_drop_that_rejects_too_much_leaves_the_corpus_as_it_was(local: Places, tmp_path: Path) -> None:
    first = add(local, deliver(tmp_path / "october", range(3)), "2026-10")
    table = deliver(tmp_path / "november", range(10, 12))
    (table.parent / "10-go.wav").write_bytes(b"no recording")
    with pytest.raises(CorpusError, match=r"^utterances: 1 of 6 inputs were rejected, at most 2.0% .*10-go\.wav: "):
        add(local, table, "2026-11")
    assert read_drops(local.store(), "ours").drops == (first.drop,)
    second = add(local, table, "2026-11", rejection={"ingest": 0.2})
    assert (second.drop.utterances, second.drop.rejected) == (5, 1)
    # it was accepted: a retrain does not judge it again
    assert len(ids(local.store(), ingest.fn(local, experiment()))) == 14


def test_two_drops_at_once_both_count_and_share_nothing(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = {
        "2026-10": deliver(tmp_path / "october", range(2)),
        "2026-11": deliver(tmp_path / "november", range(1, 3)),
    }
    together = threading.Barrier(2, timeout=60)
    met = threading.local()

    def after_the_other_is_ready(store: Store, history: Any) -> bool:
        if not getattr(met, "once", False):
            met.once = True
            together.wait()
        return add_revision(store, history)

    monkeypatch.setattr("tasks.add_drop.add_revision", after_the_other_is_ready)
    done: dict[str, AddedDrop] = {}

    def work(drop: str) -> None:
        done[drop] = add(places, offered[drop], drop)

    threads = [threading.Thread(target=work, args=(drop,)) for drop in offered]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = places.store()
    history = read_drops(store, "ours")
    assert history.revision == 2
    assert {drop.id: drop for drop in history.drops} == {drop: found.drop for drop, found in done.items()}
    # whichever was first has the speakers that both offered
    assert [drop.utterances for drop in history.drops] == [6, 3]
    assert [drop.known for drop in history.drops] == [0, 3]
    both = [identity for drop in history.drops for identity in ids(store, drop.dataset)]
    assert len(set(both)) == len(both) == 9


def test_the_same_drop_twice_at_once_is_added_once(
    local: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = deliver(tmp_path / "october", range(2))

    def after_the_other(store: Store, history: Any) -> bool:
        assert add_revision(store, history)
        return add_revision(store, history)

    monkeypatch.setattr("tasks.add_drop.add_revision", after_the_other)
    assert add(local, table, "2026-10").state == "present"
    assert read_drops(local.store(), "ours").revision == 1


def test_parts_that_were_lost_are_restored_from_the_sources(local: Places, tmp_path: Path) -> None:
    add(local, deliver(tmp_path / "october", range(4)), "2026-10")
    table = deliver(tmp_path / "november", range(2, 6))
    second = add(local, table, "2026-11")
    root = Path(local.store_url)
    lost = local.store().dataset(corpora.STAGE, second.drop.dataset).parts[0]
    for path in (root / "parts" / corpora.STAGE).glob(f"{lost.key}.*"):
        path.unlink()
    with pytest.raises(StoreError, match=rf"part {lost.key[:12]} .* is missing; run `kws ingest` .*--drop 2026-11"):
        ingest.fn(local, experiment())
    assert add(local, table, "2026-11") == AddedDrop("restored", second.drop)
    assert read_drops(local.store(), "ours").revision == 2
    assert len(ids(local.store(), ingest.fn(local, experiment()))) == 18
    # or all manifests, as the store advises when a part of its is damaged
    shutil.rmtree(root / "manifests" / corpora.STAGE)
    with pytest.raises(StoreError, match="the dataset of the drop 2026-10 of 'ours' is missing; run `kws"):
        ingest.fn(local, experiment())
    assert add(local, tmp_path / "october" / "words.tsv", "2026-10").state == "restored"
    assert add(local, table, "2026-11") == AddedDrop("restored", second.drop)
    assert len(ids(local.store(), ingest.fn(local, experiment()))) == 18


def test_drops_of_an_older_version_are_refused_and_made_anew(
    local: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = deliver(tmp_path / "october", range(3))
    first = add(local, table, "2026-10")
    older = corpora.VERSION - 1
    store = local.store()
    path = Path(local.store_url) / "corpora" / "ours" / "revision-000001.json"
    document = json.loads(path.read_text())
    document["drops"][0]["version"] = older
    path.write_text(json.dumps(document))
    with pytest.raises(
        CorpusError,
        match=rf"2026-10 holds utterances of version {older}, .* version {older + 1}: run",
    ):
        ingest.fn(local, experiment())
    assert add(local, table, "2026-10").state == "restored"
    assert read_drops(store, "ours").drops[0].version == corpora.VERSION
    assert read_drops(store, "ours").drops[0].dataset == first.drop.dataset
    assert ingest.fn(local, experiment())


def test_true_word_times_follow_the_utterances_that_are_kept(local: Places) -> None:
    demo = {"recipe": "demo", "keyword_repeats": 1, "other_words": 0}
    parts = {"ingest": {"part_bytes": 1}}
    first = DropConfig.model_validate({"corpus": "demo", "drop": "2026-10", "source": {**demo, "speakers": 1}, **parts})
    second = DropConfig.model_validate(
        {"corpus": "demo", "drop": "2026-11", "source": {**demo, "speakers": 2}, "ingest": {"part_bytes": 10**9}}
    )
    add_drop.fn(local, first)
    added = add_drop.fn(local, second).drop
    assert added.known
    store = local.store()
    for part in store.dataset(corpora.STAGE, added.dataset).parts:
        kept = set(store.read_part(corpora.STAGE, part, ["utterance_id"])["utterance_id"].to_pylist())
        words = store.read_part(REFERENCE, store.part(REFERENCE, part.key))
        assert set(words["utterance_id"].to_pylist()) == kept


def test_repeated_audio_is_told_and_kept(local: Places, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = deliver(tmp_path / "october", range(3))
    shutil.copy(table.parent / "0-go.wav", table.parent / "copy.wav")
    with table.open("a") as file:
        file.write("copy.wav\tsomebody else\tgo\tCC BY\n")
    add(local, table, "2026-10")
    own = {
        "recipe": "manifest",
        "path": str(deliver(tmp_path / "test", (2, 7))),
        "use": "test",
        "aligner": "whole_clip",
    }
    ours = {"recipe": "ingested", "aligner": "whole_clip"}
    config = Experiment.model_validate(
        {"name": "ours", "corpora": {"ours": ours, "held": own}, "selection": {"keywords": ["go"]}}
    )
    capsys.readouterr()
    fingerprint = ingest.fn(local, config)
    told = capsys.readouterr().err
    assert "4 recordings occur more than once (8 utterances), 3 of them in several corpora: 2-" in told
    document = local.store().read_document(KIND, fingerprint)
    assert document is not None
    assert (document["contents"], document["utterances"], document["across_corpora"]) == (4, 8, 3)
    cases = [{(row["corpus"], row["source"]) for row in case["utterances"]} for case in document["cases"]]
    assert {("ours", "0-go.wav"), ("ours", "copy.wav")} in cases
    for word in WORDS:
        assert {("held", f"2-{word}.wav"), ("ours", f"2-{word}.wav")} in cases


def test_a_store_without_inventories_gets_them(local: Places, tmp_path: Path) -> None:
    add(local, deliver(tmp_path / "october", range(3)), "2026-10")
    shutil.rmtree(Path(local.store_url) / "parts" / inventory.STAGE)
    second = add(local, deliver(tmp_path / "november", range(2, 4)), "2026-11")
    assert (second.drop.utterances, second.drop.known) == (3, 3)


def test_noise_is_ingested_and_read_as_noise_only(local: Places, tmp_path: Path) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(folder / "street.wav", rng.normal(scale=0.05, size=80_000), 16_000)
    (folder / "noise.tsv").write_text("path\tspeaker\ttext\nstreet.wav\tstreet\t\n")
    added = add(local, folder / "noise.tsv", "2026-10", source={"use": "noise"})
    assert (added.drop.use, added.drop.utterances) == ("noise", 1)
    with pytest.raises(
        CorpusError, match=r"^corpora\.ours: the drop 2026-10 holds noise, which use: split cannot read$"
    ):
        ingest.fn(local, experiment())
