"""`kws doctor`: what is there, what is missing, and that it always comes back."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
import typer.testing
from servers import free_port, signed_s3_server

from flows.cli import app
from kws_core.config import Experiment
from tasks import doctor_machine
from tasks.doctor import Finding, Probe, examine
from tasks.doctor_mfa import mfa
from tasks.doctor_ray import ray
from tasks.doctor_servers import mlflow, prefect
from tasks.doctor_store import store

Server = Callable[..., str]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback that answers every path that starts with a key by (status, text)."""
    started = []

    def start(answers: dict[str, tuple[int, str]], clock_ahead_s: float = 0.0) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = (answer for path, answer in answers.items() if self.path.startswith(path))
                status, text = next(found, (404, "not found"))
                self.send_response_only(status)
                self.send_header("Date", formatdate(time.time() + clock_ahead_s, usegmt=True))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        started.append(listening)
        return f"http://127.0.0.1:{listening.server_port}"

    yield start
    for listening in started:
        listening.shutdown()
        listening.server_close()


def states(findings: list[Finding] | tuple[Finding, ...]) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


def test_with_nothing_set_up_all_that_runs_need_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("RAY_ADDRESS", "PREFECT_API_URL", "MLFLOW_TRACKING_URI", "KWS_STORE"):
        monkeypatch.delenv(name, raising=False)
    said = typer.testing.CliRunner().invoke(app, ["doctor", "--json", "--timeout-s", "300"])
    document = json.loads(said.stdout)
    found = states([Finding.model_validate(finding) for finding in document["findings"]])
    # of a machine that is full or has no MFA nothing is said here
    assert {name: found[name] for name in ("Python", "torch", "Ray", "MLflow", "Prefect")} == dict.fromkeys(
        ("Python", "torch", "Ray", "MLflow", "Prefect"), "ok"
    )
    assert found["store"] == "missing"
    assert said.exit_code == (0 if document["well"] else 1)
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    arguments = ["doctor", "--workspace", str(tmp_path), "--tracking-uri", gone, "--timeout-s", "300"]
    said = typer.testing.CliRunner().invoke(app, arguments)
    assert said.exit_code == 1
    (line,) = (line for line in said.stdout.splitlines() if line.startswith("MLflow"))
    assert "wrong, needed" in line
    assert gone in line
    assert "-> start it, or correct --tracking-uri" in said.stdout
    assert "runs would fail" in said.stdout


def test_a_probe_that_hangs_or_raises_is_a_finding() -> None:
    never = threading.Event()

    def fails() -> list[Finding]:
        raise RuntimeError("no\nluck")

    probes = [
        Probe(name="hangs", ask=lambda: [Finding(name="x", state="ok", said=str(never.wait()))], advice="wait"),
        Probe(name="fails", ask=fails, needed=False),
        Probe(name="answers", ask=lambda: [Finding(name="answers", state="ok", said="yes")]),
    ]
    started = time.monotonic()
    found = examine(probes, 0.5)
    assert time.monotonic() - started < 20
    never.set()
    assert states(found) == {"hangs": "wrong", "fails": "wrong", "answers": "ok"}
    assert (found[0].said, found[0].advice, found[0].stops_runs) == ("no answer within 0.5 s", "wait", True)
    assert (found[1].said, found[1].stops_runs) == ("RuntimeError: no luck", False)


def test_mlflow_is_asked_for_release_rights_and_time(server: Server, tmp_path: Path) -> None:
    search = "/api/2.0/mlflow/registered-models/search"
    good = {search: (200, "{}"), "/version": (200, version("mlflow"))}
    assert states(mlflow(server(good))) == {"MLflow": "ok", "clock": "ok"}
    assert states(mlflow(server(good, clock_ahead_s=3600))) == {"MLflow": "ok", "clock": "wrong"}
    old = mlflow(server({**good, "/version": (200, "2.9.1")}))[0]
    assert (old.state, old.advice) == ("wrong", f"have the server and this machine on {version('mlflow')}")
    assert "MLFLOW_TRACKING_USERNAME" in mlflow(server({search: (401, "who?")}))[0].advice
    assert "--allowed-hosts" in mlflow(server({search: (403, "Invalid Host header")}))[0].advice
    other = tmp_path / "notes.db"
    other.write_text("not a database, but long enough to be looked at as one " * 10)
    assert states(mlflow(f"sqlite:///{other}")) == {"MLflow": "wrong"}
    assert states(mlflow(f"sqlite:///{tmp_path / 'new.db'}")) == {"MLflow": "ok"}


def test_prefect_is_asked_at_its_api(server: Server) -> None:
    address = server({"/api/admin/version": (200, f'"{version("prefect")}"')})
    assert states(prefect(f"{address}/api")) == {"Prefect": "ok", "clock": "ok"}
    assert prefect(address)[0].advice == "PREFECT_API_URL ends in /api"


def test_the_store_is_written_and_read_and_nothing_of_it_stays(tmp_path: Path, s3_url: str) -> None:
    for url in (str(tmp_path / "store"), f"{s3_url}/store"):
        assert states(store(url)) == {"store": "ok", "conditional put": "ok", "clock": "ok"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    blocked = tmp_path / "file"
    blocked.touch()
    assert states(store(str(blocked / "store"))) == {"store": "wrong"}


def test_a_wrong_secret_of_the_store_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import s3fs

    with signed_s3_server(tmp_path, "key", "secret-of-the-test") as endpoint:
        (tmp_path / "data" / "bucket").mkdir()
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "another",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        (found,) = store("s3://bucket/store")
        s3fs.S3FileSystem.clear_instance_cache()
    assert (found.state, found.stops_runs) == ("wrong", True)
    assert "credentials" in found.advice
    assert "another" not in found.said


def test_mfa_is_needed_where_a_corpus_is_aligned_by_it(tmp_path: Path) -> None:
    program = tmp_path / "mfa"
    program.write_text("#!/bin/sh\necho 3.4.3\n")
    program.chmod(0o755)

    def asked(aligner: str, command: str, **settings: str) -> list[Finding]:
        corpora = {"ours": {"recipe": "manifest", "path": "words.tsv", "aligner": aligner}}
        alignment = {"mfa": {"command": [command], **settings}}
        document = {"name": "x", "corpora": corpora, "alignment": alignment, "selection": {"keywords": ["stop"]}}
        return list(mfa(Experiment.model_validate(document), 60))

    absent = str(tmp_path / "absent")
    assert [(one.state, one.stops_runs) for one in asked("mfa", absent)] == [("missing", True)]
    assert [(one.state, one.stops_runs) for one in asked("pocketsphinx", absent)] == [("missing", False)]
    assert states(asked("mfa", str(program))) == {"MFA": "ok"}
    assert states(asked("mfa", str(program), version="3.3.0")) == {"MFA": "wrong"}
    files = {"acoustic_model": str(tmp_path / "english.zip"), "dictionary": "cmudict"}
    named = asked("mfa", str(program), **files)
    assert states(named) == {"MFA": "ok", "alignment.mfa.acoustic_model": "missing"}


def test_ray_that_does_not_answer_is_told_at_once() -> None:
    address = f"127.0.0.1:{free_port()}"
    (found,) = ray(address, 60)
    assert (found.state, found.stops_runs) == ("wrong", True)
    assert address in found.said
    assert ray("", 60)[0].state == "ok"
    assert "HEAD:6379" in ray("ray-head", 60)[0].said


def test_a_full_disk_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert states(doctor_machine.memory()).keys() == {"memory"}
    monkeypatch.setattr(doctor_machine, "LEAST_DISK_GB", 1e9)
    (found,) = doctor_machine.disk(tmp_path / "not" / "yet")
    assert (found.state, found.stops_runs) == ("wrong", True)
    assert str(tmp_path) in found.said
