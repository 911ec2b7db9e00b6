"""Each published corpus, fetched from a server on loopback that serves it in its real layout."""

import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from corpus_server import CorpusServer, Fault, serve
from published_corpora import BUILDERS, PublishedCorpus, digest, fsdd, librispeech, pack, sound, speech_commands
from pydantic import TypeAdapter

from kws_core.config import CorpusConfig, CorpusSection, IngestConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.corpora.published_archives import corpora_folder
from kws_core.corpora.recording import Recording
from kws_core.corpora.speech_commands import prepare_speech_commands
from kws_core.errors import ConfigError, CorpusError
from kws_core.fingerprint import canonical_json
from kws_core.schemas import UTTERANCES, check_schema


def section(settings: dict[str, Any], folder: Path, mirror: str = "") -> CorpusSection:
    places = {"folder": str(folder), **({"mirror": mirror} if mirror else {})}
    return TypeAdapter(CorpusConfig).validate_python({**settings, **places})


def check(corpus: PublishedCorpus, config: CorpusSection, recordings: list[Recording]) -> None:
    """Everything expected is there, and nothing else: as rows or in quarantine."""
    output, reference = prepare_part("c", config, IngestConfig(), recordings)
    assert reference is None
    check_schema(output.table, UTTERANCES, "utterances")
    names = ("speaker_id", "original_text", "split", "language")
    rows = {row["source"]: tuple(row[name] for name in names) for row in output.table.to_pylist()}
    assert rows == corpus.rows
    assert all(0.8 < duration_s < 1.1 for duration_s in output.table["duration_s"].to_pylist())
    problems = {row["source"]: row["reason"] for row in output.quarantine.to_pylist()}
    assert set(problems) == set(corpus.problems)
    for source, reason in corpus.problems.items():
        assert reason in problems[source]


@pytest.mark.parametrize("name", BUILDERS)
def test_every_recording_is_listed_or_reported_and_a_second_run_fetches_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = BUILDERS[name](tmp_path / "served", monkeypatch)
    seen: dict[str, int | None] = {}
    with serve(tmp_path / "served") as server:
        config = section(corpus.settings, tmp_path / "corpora", server.url)
        recordings = plan_corpus(config, lambda file, done, total: seen.update({file: total}))
        check(corpus, config, recordings)
        assert sorted(request.name for request in server.requests) == sorted(corpus.archives)
        assert set(seen) == {archive.rpartition("/")[2] for archive in corpus.archives}
        assert plan_corpus(config) == recordings
        assert len(server.requests) == len(corpus.archives)
    # the server has gone, and so may the archives
    for archive in (tmp_path / "corpora").rglob("*.t*gz"):
        archive.unlink()
    assert plan_corpus(config) == recordings
    assert not {"folder", "mirror"} & set(config.model_dump()), "where a corpus lies would reach a fingerprint"
    assert str(tmp_path) not in canonical_json(config)


@pytest.mark.parametrize("name", ["librispeech", "aishell"])
def test_a_killed_extraction_is_taken_up_again_and_the_place_decides_no_digest(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = BUILDERS[name](tmp_path / "served", monkeypatch)
    first = plan_corpus(section(corpus.settings, tmp_path / "one", str(tmp_path / "served")))
    config = section(corpus.settings, tmp_path / "two", str(tmp_path / "served"))
    plan_corpus(config)
    # as a kill leaves it between the extraction of an archive and its record
    found = sorted((tmp_path / "two").rglob("*.json"))
    records = [path for path in found if path.with_suffix("").is_dir()]
    assert len(records) == {"librispeech": 2, "aishell": 4}[name]
    shutil.rmtree(records[0].with_suffix(""))
    for record in records:
        record.unlink(missing_ok=True)
    second = plan_corpus(config)
    assert [recording.digest for recording in second] == [recording.digest for recording in first]
    check(corpus, config, second)


def test_a_connection_that_is_cut_and_a_failing_server_cost_a_resumption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = fsdd(tmp_path / "served", monkeypatch)
    with serve(tmp_path / "served", {corpus.archives[0]: [Fault(status=503), Fault(cut_after=20_000)]}) as server:
        config = section(corpus.settings, tmp_path / "corpora", server.url)
        check(corpus, config, plan_corpus(config))
        assert [request.status for request in server.requests] == [503, 200, 206]
        assert server.requests[-1].headers["range"] == "bytes=20000-"


@pytest.mark.parametrize(("build", "kind"), [(speech_commands, "sha256"), (librispeech, "md5")])
def test_an_archive_with_another_checksum_is_refused(
    build: Any, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = build(tmp_path / "served", monkeypatch)
    monkeypatch.undo()  # the checksums are the published ones again
    with serve(tmp_path / "served") as server:
        config = section(corpus.settings, tmp_path / "corpora", server.url)
        with pytest.raises(CorpusError, match=rf"{corpus.archives[0]}.*{kind}"):
            plan_corpus(config)
    extracted = [path for path in (tmp_path / "corpora").rglob("*") if path.suffix in (".wav", ".flac")]
    assert not extracted


def test_an_archive_that_is_not_published_there_is_one_sentence(tmp_path: Path, served_nothing: CorpusServer) -> None:
    config = section({"recipe": "an4"}, tmp_path / "corpora", served_nothing.url)
    with pytest.raises(CorpusError, match=r"an4_sphere\.tar\.gz.*404"):
        plan_corpus(config)
    assert len(served_nothing.requests) == 1


@pytest.fixture
def served_nothing(tmp_path: Path) -> Any:
    (tmp_path / "nothing").mkdir()
    with serve(tmp_path / "nothing") as server:
        yield server


@pytest.mark.parametrize("what", ["download", "extraction"])
def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = fsdd(tmp_path / "served", monkeypatch)
    archive = tmp_path / "served" / corpus.archives[0]
    if what == "extraction":  # what it holds is larger than the archive
        members = {"free-spoken-digit-dataset-1.0.10/recordings/1_theo_7.wav": sound(5), "pax/zeros": bytes(400_000)}
        pack(archive, members)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serve(tmp_path / "served") as server:
        config = section(corpus.settings, tmp_path / "corpora", server.url)
        limit = archive.stat().st_size // 2 if what == "download" else 300_000
        assert what == "download" or archive.stat().st_size < limit
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # no file may grow past it, as on a full disk
        try:
            with pytest.raises(CorpusError, match="no room on the disk"):
                plan_corpus(config)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        before = len(server.requests)
        recordings = plan_corpus(config)
        later = [request.status for request in server.requests[before:]]
    assert later == ([206] if what == "download" else [])
    if what == "download":
        check(corpus, config, recordings)
    else:
        assert [recording.text for recording in recordings] == ["one"]


def test_background_noise_serves_as_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = speech_commands(tmp_path / "served", monkeypatch)
    config = section({**corpus.settings, "use": "noise"}, tmp_path / "corpora", str(tmp_path / "served"))
    output, _ = prepare_part("c", config, IngestConfig(), plan_corpus(config))
    assert output.table["source"].to_pylist() == ["speech_commands-0.02/_background_noise_/running_tap.wav"]
    assert output.quarantine.num_rows == 0


def test_only_the_words_wanted_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = speech_commands(tmp_path / "served", monkeypatch)
    mirror = str(tmp_path / "served")
    config = section({**corpus.settings, "words": ["down"]}, tmp_path / "corpora", mirror)
    texts = {recording.text for recording in plan_corpus(config) if not recording.problem}
    assert texts == {"down"}
    config = section({**corpus.settings, "words": ["marvin"]}, tmp_path / "corpora", mirror)
    with pytest.raises(ConfigError, match="has no word 'marvin'; it has down, five"):
        plan_corpus(config)


def test_one_word_of_several_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = BUILDERS["mswc"](tmp_path / "served", monkeypatch)
    settings, mirror = {**corpus.settings, "valid_only": False}, str(tmp_path / "served")
    config = section({**settings, "words": ["yellow"]}, tmp_path / "corpora", mirror)
    found = [recording for recording in plan_corpus(config) if not recording.problem]
    assert {(recording.text, recording.language) for recording in found} == {("yellow", "cy")}
    assert len(found) == 4, "the word that nobody confirmed is read as well"
    config = section({**settings, "words": ["purple"]}, tmp_path / "corpora", mirror)
    with pytest.raises(ConfigError, match="mswc has no word 'purple' in en, cy"):
        plan_corpus(config)


def test_a_corpus_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"speech_commands_v0\.02\.tar\.gz has not been extracted there"):
        prepare_speech_commands(section({"recipe": "speech_commands"}, tmp_path), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "archive", "message"),
    [
        ("speech_commands", "speech_commands_v0.02.tar.gz", "no folder in it holds validation_list.txt and"),
        ("librispeech", "test-clean.tar.gz", "holds no folder test-clean with FLAC files"),
        ("aishell", "data_aishell.tgz", "aishell_transcript_v0.8.txt is missing"),
        ("an4", "an4_sphere.tar.gz", "etc/an4_train.transcription is missing"),
        ("fsdd", "v1.0.10.tar.gz", "holds no folder recordings with WAV files"),
        ("mswc", "splits/en.tar.gz", "en_splits.csv is missing"),
    ],
)
def test_an_archive_of_something_else_is_one_sentence(
    name: str, archive: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = BUILDERS[name](tmp_path / "served", monkeypatch)
    pack(tmp_path / "served" / archive, {"holiday/beach.txt": "sun"})
    monkeypatch.undo()
    published = tmp_path / "served" / archive
    module = __import__(f"kws_core.corpora.{name}", fromlist=["SHA256"])
    for table, kind, key in (("SHA256", "sha256", "0.02"), ("MD5", "md5", "test-clean")):
        if hasattr(module, table):
            monkeypatch.setitem(getattr(module, table), key, digest(published, kind))
    if name == "aishell":
        monkeypatch.setattr(module, "ARCHIVE", module.RemoteFile(module.ARCHIVE.url))
    config = section(corpus.settings, tmp_path / "corpora", str(tmp_path / "served"))
    with pytest.raises(CorpusError, match=message):
        plan_corpus(config)


def test_the_folder_of_all_corpora(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KWS_CORPORA", str(tmp_path / "set"))
    assert corpora_folder() == tmp_path / "set"
    assert corpora_folder(str(tmp_path / "given")) == tmp_path / "given"
    monkeypatch.delenv("KWS_CORPORA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert corpora_folder() == tmp_path / ".cache" / "kws-foundry" / "corpora"
