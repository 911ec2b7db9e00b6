import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kws_core.config import IngestedCorpusConfig
from kws_core.config.corpora.ingested import check_drop_id
from kws_core.corpora.drops import Drop, DropHistory, add_revision, choose_drops, corpora_with_drops, read_drops
from kws_core.corpora.known_utterances import find_known, id_numbers, leave_out
from kws_core.corpora.utterances import VERSION
from kws_core.errors import CorpusError, StoreError
from kws_core.part import Quarantine
from kws_core.store import Store


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return Store(str(tmp_path / "store"))
    return Store(str(request.getfixturevalue("s3_url")) + "/store")


def drop(identity: str, **changes: object) -> Drop:
    values = {
        "id": identity,
        "added": "2026-11-22T04:00:00+00:00",
        "recipe": "manifest",
        "configuration": {"path": "wörds.tsv", "language": "en"},
        "ingest": {},
        "use": "speech",
        "version": VERSION,
        "offered": "a",
        "dataset": "b",
        "utterances": 3,
        "hours": 0.1,
        "speakers": 2,
        "rejected": 0,
        "known": 0,
        "licences": {"CC BY": 3},
    }
    return Drop.model_validate(values | changes)


def write(store: Store, *drops: Drop) -> DropHistory:
    history = read_drops(store, "ours")
    for found in drops:
        history = history.with_drop(found)
        assert add_revision(store, history)
    return history


def test_revisions_come_back_and_are_never_changed(store: Store) -> None:
    assert read_drops(store, "ours") == DropHistory(corpus="ours", revision=0)
    assert corpora_with_drops(store) == []
    history = write(store, drop("2026-11"), drop("2026-10"))
    assert read_drops(store, "ours") == history
    assert [found.id for found in history.drops] == ["2026-11", "2026-10"]
    assert [found.id for found in history.before("2026-10")] == ["2026-11"]
    assert history.before("2027-01") == history.drops
    first = store.files.read("corpora/ours/revision-000001.json")
    assert not add_revision(store, DropHistory(corpus="ours", revision=1))
    assert not add_revision(store, DropHistory(corpus="ours", revision=2))
    assert store.files.read("corpora/ours/revision-000001.json") == first
    assert read_drops(store, "ours") == history
    assert corpora_with_drops(store) == ["ours"]


def test_of_many_writers_at_once_one_succeeds_and_no_drop_is_lost(store: Store) -> None:
    writers = 6
    together = threading.Barrier(writers, timeout=60)
    won: list[int] = []

    def work(number: int) -> None:
        together.wait()
        for _ in range(writers):
            history = read_drops(store, "ours").with_drop(drop(f"2026-{number:02}"))
            if add_revision(store, history):
                won.append(history.revision)
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, writers + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(1, writers + 1))
    assert sorted(found.id for found in read_drops(store, "ours").drops) == [
        f"2026-{n:02}" for n in range(1, writers + 1)
    ]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"corpus": "ours"}', b"\xff"])
def test_a_damaged_revision_is_named_and_not_skipped(tmp_path: Path, content: bytes) -> None:
    store = Store(str(tmp_path))
    write(store, drop("2026-10"))
    store.files.write("corpora/ours/revision-000002.json", content)
    with pytest.raises(
        StoreError, match=r"corpora/ours/revision-000002\.json is damaged: .*; restore it from a backup"
    ):
        read_drops(store, "ours")


def test_what_a_killed_writer_leaves_is_no_revision(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    history = write(store, drop("2026-10"))
    (tmp_path / "corpora/ours/.revision-000002.json.0123").write_bytes(b'{"corp')
    assert read_drops(store, "ours") == history


@pytest.mark.parametrize("identity", ["2026-11", "2026-11-05", "2024-02-29", "0001-01"])
def test_ids_of_drops(identity: str) -> None:
    assert check_drop_id(identity) == identity


NO_DATES = ("", "november", "2026", "2026-13", "2026-00", "2026-02-30", "2026-1", "26-11", "2026-11-5", "20261105")
STRANGE_DATES = ("2026-W45", "2026-11 ", "2026-11\n", "2026-11/..", "\u0662\u0660\u0662\u0666-\u0661\u0661")


@pytest.mark.parametrize("identity", NO_DATES + STRANGE_DATES)
def test_ids_that_are_no_dates(identity: str) -> None:
    with pytest.raises(ValueError, match=r"is not the date of a drop.*; YYYY-MM or YYYY-MM-DD, such as 2026-11"):
        check_drop_id(identity)


@settings(deadline=None)
@given(st.lists(st.dates(), min_size=2, max_size=2), st.booleans(), st.booleans())
def test_ids_sort_by_date(days: list[object], first_is_month: bool, second_is_month: bool) -> None:
    first, second = (
        str(day)[:7] if is_month else str(day)
        for day, is_month in zip(days, (first_is_month, second_is_month), strict=True)
    )
    if first[:7] != second[:7]:
        assert (check_drop_id(first) < check_drop_id(second)) == (str(days[0]) < str(days[1]))


def test_drops_that_an_experiment_reads(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    write(store, *(drop(identity) for identity in ("2026-11", "2026-09", "2026-10", "2026-10-15")))

    def chosen(**settings: object) -> list[str]:
        config = IngestedCorpusConfig.model_validate(settings)
        return [found.id for found in choose_drops(store, "ours", config)]

    assert chosen() == chosen(corpus="ours") == ["2026-09", "2026-10", "2026-10-15", "2026-11"]
    assert chosen(until="2026-10") == ["2026-09", "2026-10", "2026-10-15"]
    # a month may hold recordings of its last day
    assert chosen(until="2026-10-15") == ["2026-09", "2026-10-15"]
    assert chosen(until="2026-10-14") == ["2026-09"]
    assert chosen(drops=["2026-11", "2026-09"]) == ["2026-09", "2026-11"]
    assert chosen(drops=["2026-09"], until="2026-10") == ["2026-09"]


@pytest.mark.parametrize(
    ("given_settings", "sentence"),
    [
        ({"drops": ["2026-12"]}, "corpora.ours: there is no drop 2026-12 of 'ours'; 2026-10, 2026-11 are there"),
        (
            {"drops": ["2026-11"], "until": "2026-10"},
            "corpora.ours: drops names 2026-11, which until: 2026-10 leaves out",
        ),
        ({"until": "2026-09"}, "corpora.ours: no drop is as early as 2026-09; 2026-10, 2026-11 are there"),
        ({"drops": []}, "corpora.ours: drops is empty; 2026-10, 2026-11 are there"),
        (
            {"language": "de"},
            "corpora.ours: the drop 2026-10 was ingested with language: en, the section says language",
        ),
        ({"use": "noise"}, "corpora.ours: the drop 2026-10 holds speech, which use: noise cannot read"),
        (
            {"corpus": "theirs"},
            "corpora.ours: every row of the corpus 'theirs' carries its name, so the section must be",
        ),
    ],
)
def test_drops_that_cannot_be_read(tmp_path: Path, given_settings: dict[str, object], sentence: str) -> None:
    store = Store(str(tmp_path))
    write(store, drop("2026-11"), drop("2026-10"))
    with pytest.raises(CorpusError) as caught:
        choose_drops(store, "ours", IngestedCorpusConfig.model_validate(given_settings))
    assert str(caught.value).startswith(sentence)


def test_a_corpus_without_drops_names_those_that_have_some(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(CorpusError, match=r"has no drops of 'mine'; its corpora: none$"):
        choose_drops(store, "mine", IngestedCorpusConfig())
    write(store, drop("2026-11"))
    with pytest.raises(CorpusError, match=r"has no drops of 'mine'; its corpora: ours$"):
        choose_drops(store, "mine", IngestedCorpusConfig())


def test_yaml_reads_a_day_as_a_date() -> None:
    import yaml

    document = yaml.safe_load("{recipe: ingested, drops: [2026-11, 2026-11-05], until: 2026-11-30}")
    config = IngestedCorpusConfig.model_validate(document)
    assert (config.drops, config.until) == (("2026-11", "2026-11-05"), "2026-11-30")
    with pytest.raises(ValidationError, match="'soon' is not the date of a drop"):
        IngestedCorpusConfig.model_validate({"until": "soon"})


def inventory(ids: list[str]) -> pa.Table:
    return pa.table({"utterance_id": ids, "source": [f"{identity}.wav" for identity in ids]})


IDS = st.lists(st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}"), unique=True, max_size=12)


@settings(deadline=None)
@given(st.lists(IDS, max_size=4), st.lists(IDS, max_size=4), st.data())
def test_exactly_the_known_utterances_are_found(
    offered: list[list[str]], earlier: list[list[str]], data: st.DataObject
) -> None:
    if earlier and (flat := [identity for ids in offered for identity in ids]):
        earlier[0] = sorted({*earlier[0], *data.draw(st.lists(st.sampled_from(flat), max_size=5))})
    tables = [("2026-10", inventory(ids)) for ids in earlier]
    known = find_known([id_numbers(pa.array(ids, pa.string())) for ids in offered], iter(tables))
    there = {identity for ids in earlier for identity in ids}
    expected = {identity for ids in offered for identity in ids if identity in there}
    assert {f"{number:016x}" for number in known} == expected
    assert all(place == f"{number:016x}.wav of drop 2026-10" for number, place in known.items())


def test_what_is_left_out_joins_the_quarantine() -> None:
    rejected = Quarantine("utterances")
    rejected.add("broken.wav", "the file is empty")
    output = leave_out(inventory(["a", "b", "c"]), rejected.table(), {"b": "old.wav of drop 2026-10"}, "utterances")
    assert output.table["utterance_id"].to_pylist() == ["a", "c"]
    assert output.quarantine.to_pylist() == [
        {"stage": "utterances", "source": "broken.wav", "reason": "the file is empty"},
        {
            "stage": "utterances",
            "source": "b.wav",
            "reason": "the same speaker, text and audio as old.wav of drop 2026-10",
        },
    ]
