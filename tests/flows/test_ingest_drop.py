"""`kws ingest` and `kws drops` as a user types them."""

import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from experiments import kill_run, run_command, run_kws, start
from store_files import part_keys, store_files

from flows.drops import drop_config, print_drops
from kws_core.corpora.drops import Drop, DropHistory, add_revision
from kws_core.errors import ConfigError, CorpusError
from kws_core.store import Store

SPEAKERS = 40


def deliver(folder: Path, speakers: int) -> Path:
    """Two words each of many speakers, with their table."""
    folder.mkdir()
    lines = ["path\tspeaker\ttext\tlicence"]
    for speaker in range(speakers):
        for number, word in enumerate(("go", "stop")):
            pcm = np.random.default_rng([speaker, number]).normal(scale=0.1, size=16_000)
            soundfile.write(folder / f"{speaker}-{word}.wav", pcm, 16_000)
            lines.append(f"{speaker}-{word}.wav\tspeaker-{speaker}\t{word}\tCC0")
    table = folder / "words.tsv"
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ours", "2026-13", "manifest", ("path=a.tsv",)), "kws ingest: drop: .*'2026-13' is not the date of a drop"),
        (("ours", "2026-11", "manifest", ()), r"kws ingest: path: Field required"),
        (("ours", "2026-11", "manifest", ("paht=a.tsv", "path=b")), "kws ingest: key 'paht' is unknown"),
        (("ours", "2026-11", "manifset", ("path=a.tsv",)), "kws ingest: source: .*'manifset'.*'manifest'"),
        (("Our corpus", "2026-11", "manifest", ("path=a.tsv",)), "kws ingest: corpus: .*'Our corpus'"),
        (("ours", "2026-11", "ingested", ()), "recipe ingested reads drops; name the recipe that reads the recordings"),
        (("ours", "2026-11", "manifest", ("path=a", "aligner=whole_clip")), "aligner is no setting of a drop"),
        (("ours", "2026-11", "manifest", ("path=a", "use=test")), "use: test is no setting of a drop"),
        (("ours", "2026-11", "manifest", ("path=a", "ingest.part_bytes=0")), "ingest.part_bytes: .* greater than 0"),
    ],
)
def test_settings_that_are_not_accepted(arguments: tuple[str, str, str, tuple[str, ...]], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        drop_config(*arguments)
    assert "\n" not in str(caught.value)


def test_settings_of_a_drop() -> None:
    settings = ("path=a.tsv", "language=de", "ingest.max_duration_s=5", "rejection.ingest=0.1", "use=noise")
    config = drop_config("", "2026-11-05", "manifest", settings)
    assert (config.corpus, config.drop, config.source.language, config.source.use) == (
        "manifest",
        "2026-11-05",
        "de",
        "noise",
    )
    assert (config.ingest.max_duration_s, config.rejection.ingest) == (5, 0.1)


def test_a_store_has_to_be_named(tmp_path: Path) -> None:
    finished = run_kws("drops", cwd=tmp_path, timeout_s=120)
    assert (finished.status, finished.stdout) == (1, "")
    sentence = "error: no store is named: give --store or --workspace, or set KWS_STORE, as for the retrains\n"
    assert finished.stderr == sentence
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_an_ingest_that_is_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    table = deliver(tmp_path / "november", SPEAKERS)
    store = tmp_path / "store"
    command = [sys.executable, str(Path(__file__).with_name("drop_stages.py")), str(store), "2026-11", str(table)]
    run = start(command, tmp_path)
    deadline = time.monotonic() + 300
    try:
        while not part_keys(store, "utterances"):
            assert run.process.poll() is None, run.stderr.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        kill_run(run)
    assert run.process.returncode == -9
    done = part_keys(store, "utterances")
    before = _utterances(store, done)
    assert not (store / "corpora").exists()

    finished = run_command(command, tmp_path, timeout_s=300)
    assert finished.status == 0, finished.stderr
    keys = part_keys(store, "utterances")
    assert done < keys
    (line,) = finished.lines()["utterances"]
    expected = f"{2 * SPEAKERS} rows, 0 rejected, {len(keys)} parts, {len(keys) - len(done)} computed"
    assert line.startswith(expected)
    assert _utterances(store, done) == before
    assert [path.name for path in (store / "corpora" / "ours").iterdir()] == ["revision-000001.json"]


@pytest.mark.slow
def test_drops_by_the_commands_of_a_user(tmp_path: Path, prefect_server: dict[str, str]) -> None:
    table = deliver(tmp_path / "november", 3)
    store = tmp_path / "store"
    command = ["ingest", "--recipe", "manifest", "--drop", "2026-11", "--corpus", "ours", "--set", f"path={table}"]
    environment = {**prefect_server, "KWS_STORE": str(store)}
    first = run_kws(*command, cwd=tmp_path, timeout_s=300, env=environment)
    assert first.status == 0, first.stderr
    assert first.lines()["drop"] == [
        "2026-11 of ours: 6 utterances, 0.00 h, 3 speakers added; 0 rejected, 0 in earlier drops already"
    ]
    before = store_files(store)
    again = run_kws(*command, cwd=tmp_path, timeout_s=300, env=environment)
    assert again.status == 0, again.stderr
    assert again.lines()["drop"] == [
        "2026-11 of ours: nothing to add: the drop is there with the same content (6 utterances, 0.00 h, 3 speakers)"
    ]
    assert {**store_files(store), "store.json": None} == {**before, "store.json": None}

    other = run_kws(*command, "--set", "language=de", cwd=tmp_path, timeout_s=300, env=environment)
    assert (other.status, other.stdout) == (1, "")
    assert re.fullmatch(r"error: the drop 2026-11 of 'ours' exists with other content .*\n", other.stderr)
    assert {**store_files(store), "store.json": None} == {**before, "store.json": None}


def test_the_drops_of_a_store_as_a_table_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(str(tmp_path))
    print_drops(store, "", json_lines=False)
    assert capsys.readouterr().out == f"the store {tmp_path} has no drops; `kws ingest` adds one\n"
    history = DropHistory(corpus="ours", revision=0)
    for drop in ("2026-11", "2026-10"):
        history = history.with_drop(_drop(drop))
        assert add_revision(store, history)
    print_drops(store, "", json_lines=False)
    heading, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert heading[:4] == ["corpus", "drop", "added", "recipe"]
    shown = ["manifest", "1,200", "1.50", "40", "2", "3", "CC0,", "MIT"]
    assert [row[:11] for row in rows] == [["ours", drop, "2026-11-22", *shown] for drop in ("2026-10", "2026-11")]
    print_drops(store, "ours", json_lines=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["corpus"], row["id"], row["configuration"]) for row in told] == [
        ("ours", drop, {"path": "a.tsv"}) for drop in ("2026-10", "2026-11")
    ]
    with pytest.raises(CorpusError, match=r"has no drops of 'theirs'; its corpora: ours$"):
        print_drops(store, "theirs", json_lines=False)


def _utterances(store: Path, keys: set[str]) -> dict[str, tuple[str, int]]:
    """SHA-256 and modification time of the files of some parts."""
    found = store_files(store).items()
    return {name: told for name, told in found if name.startswith("parts/utterances/") and name[17:81] in keys}


def _drop(identity: str) -> Drop:
    return Drop(
        id=identity,
        added="2026-11-22T04:00:00+00:00",
        recipe="manifest",
        configuration={"path": "a.tsv"},
        ingest={},
        use="speech",
        version=1,
        offered="0" * 64,
        dataset="1" * 64,
        utterances=1200,
        hours=1.5,
        speakers=40,
        rejected=2,
        known=3,
        licences={"CC0": 1000, "MIT": 200},
    )
