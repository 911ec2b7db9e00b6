"""`kws serve` as a real process with a token: recordings, words, streams, refusals and figures."""

import io
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile
from experiments import run_kws
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import VOICES, Server, say, serving, words_bundle, write_recording
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from flows.commands.serve import VARIABLE
from flows.serve.run import serve_forever
from kws_core.audio import decode_file, pcm16_to_float
from kws_core.errors import KwsError
from kws_core.spotter import Spotter

TOKEN = "a token of the tests"  # noqa: S105 - of this file only
WITHIN_S = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    words_bundle(folder / "bundle", "marvin", "window")
    write_recording(folder / "recording.flac", "garden", "marvin", "window")
    write_recording(folder / "computer.wav", "garden", "computer")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    options = ("bundle", "--enrolled", "words", "--within-s", WITHIN_S, "--largest-mb", "4")
    with serving(folder, *options, env={"KWS_TOKEN": TOKEN}) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client(TOKEN) as client:
        yield client


def classify(client: httpx.Client, content: bytes, kind: str = "audio/wav") -> httpx.Response:
    return client.post("/v1/classify", content=content, headers={"content-type": kind})


def wav(pcm: np.ndarray, rate: int = 16000, kind: str = "WAV", **options: str) -> bytes:
    sink = io.BytesIO()
    soundfile.write(sink, pcm, rate, format=kind, **options)
    return sink.getvalue()


def takes(word: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("recordings", (f"{word} {rate}.wav", wav(say(word, voice, rate)))) for voice, rate in VOICES]


def test_a_recording_is_answered_as_the_library_answers(folder: Path, client: httpx.Client) -> None:
    pcm = pcm16_to_float(decode_file(folder / "recording.flac"))
    expected = [vars(each) for each in Spotter.load(folder / "bundle").detect(pcm)]
    answer = classify(client, (folder / "recording.flac").read_bytes(), "audio/flac")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [each["keyword"] for each in found["detections"]][-2:] == ["marvin", "window"]
    assert found["detections"] == [pytest.approx(each) for each in expected]
    assert found["best"]["accepted"]
    assert found["duration_s"] == pytest.approx(len(pcm) / 16000, abs=1e-3)
    assert found["model"]["name"] == "universal"
    # a second or less is one window, of any format, rate and channels
    short = np.stack([say("marvin")[2000:16000:2]] * 2, axis=1)
    for kind, name in (("OGG", "audio/ogg"), ("MP3", "audio/mpeg"), ("WAV", "application/octet-stream")):
        best = classify(client, wav(short, 8000, kind), name).json()["best"]
        assert (best["keyword"], best["accepted"]) == ("marvin", True), kind
    quiet = classify(client, wav(np.zeros(40000))).json()
    assert quiet["detections"] == []
    assert not quiet["best"]["accepted"]


def test_a_word_is_enrolled_heard_listed_kept_and_forgotten(folder: Path, client: httpx.Client) -> None:
    recording = (folder / "computer.wav").read_bytes()
    assert "computer" not in {each["keyword"] for each in classify(client, recording).json()["detections"]}
    learnt = client.post("/v1/keywords", data={"keyword": "computer", "far": "0.005"}, files=takes("computer"))
    assert learnt.status_code == 201, learnt.text
    assert learnt.json()["examples"] == 3
    assert learnt.json()["encoder"] == "model"
    assert "computer" in {each["keyword"] for each in classify(client, recording).json()["detections"]}
    listed = {each["keyword"]: each for each in client.get("/v1/keywords").json()["keywords"]}
    assert {name: each["origin"] for name, each in listed.items()} == {
        "marvin": "model",
        "window": "model",
        "computer": "enrolled",
    }
    assert listed["computer"]["threshold"] == learnt.json()["threshold"]
    assert len(list((folder / "words").glob("*/*.flac"))) == 3
    again = client.post("/v1/keywords", data={"keyword": "computer"}, files=takes("computer"))
    assert (again.status_code, again.json()["error"]) == (409, "'computer' is enrolled already; delete it first")
    assert client.delete("/v1/keywords/computer").status_code == 204
    assert client.delete("/v1/keywords/computer").status_code == 404
    assert client.delete("/v1/keywords/marvin").status_code == 409
    assert not list((folder / "words").iterdir())
    assert "computer" not in {each["keyword"] for each in classify(client, recording).json()["detections"]}


@pytest.mark.parametrize(
    ("status", "kind", "content", "told"),
    [
        (415, "application/json", b"{}", "content type 'application/json'; audio/* and application/octet-stream"),
        (422, "audio/wav", b"", "the recording: the file is empty"),
        (422, "audio/wav", b"garbage" * 99, "the recording: not a readable recording (WAV, FLAC, OGG, MP3"),
        (422, "audio/wav", wav(np.zeros(99))[:40], "the recording: not a readable recording"),
        (422, "audio/flac", wav(say("marvin"), kind="FLAC")[:60], "the recording: "),
        (422, "audio/wav", wav(np.full(999, np.nan), subtype="FLOAT"), "the recording: the recording holds samples"),
        (422, "audio/wav", wav(np.zeros(999), rate=2000), "the recording: the rate is 2000 Hz"),
        (413, "audio/wav", wav(np.zeros((99, 40))), "the recording: 40 channels at 16000 Hz; at most 16 channels"),
        (413, "audio/flac", wav(np.zeros(4000 * 602), 4000, "FLAC"), "the recording: 602.0 s long; at most 600 s"),
        (413, "audio/wav", bytes(4_000_001), "the body is larger than 4,000,000 bytes"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_recordings_are_refused_with_a_sentence(
    client: httpx.Client, status: int, kind: str, content: bytes, told: str
) -> None:
    answer = classify(client, content, kind)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].startswith(told)


@pytest.mark.parametrize(
    ("status", "data", "recordings", "told"),
    [
        (422, {}, ["computer"], "keyword: Field required"),
        (422, {"keyword": "a  b"}, ["computer"], "keyword 'a  b' is not words separated by single spaces"),
        (422, {"keyword": "new"}, [], "recordings: Field required"),
        (422, {"keyword": "new", "far": "2"}, ["computer"], "far: Input should be less than 1"),
        (422, {"keyword": "new"}, ["computer"] * 4, "recordings: List should have at most 10 items"),
        (422, {"keyword": "marvin"}, ["marvin"], "the bundle has the keyword 'marvin' already"),
    ],
)
def test_words_are_refused_with_a_sentence(
    client: httpx.Client, status: int, data: dict[str, str], recordings: list[str], told: str
) -> None:
    files = [take for word in recordings for take in takes(word)] or None
    answer = client.post("/v1/keywords", data=data, files=files)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].startswith(told)
    assert len(client.get("/v1/keywords").json()["keywords"]) == 2


def test_a_bad_example_is_named(client: httpx.Client) -> None:
    files = [*takes("computer")[:1], ("recordings", ("silence.wav", wav(np.zeros(16000))))]
    answer = client.post("/v1/keywords", data={"keyword": "computer"}, files=files)
    assert (answer.status_code, answer.json()["error"]) == (422, "silence.wav: silence")


def test_the_token_is_needed_but_for_health_and_pages(server: Server) -> None:
    with server.client() as stranger:
        for path in ("/health", "/", "/docs", "/openapi.json"):
            assert stranger.get(path).status_code == 200
        for method, path in (("GET", "/v1/keywords"), ("POST", "/v1/classify"), ("GET", "/metrics"), ("GET", "/no")):
            answer = stranger.request(method, path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        for wrong in (TOKEN[:-1], TOKEN + "x", "ä"):
            sent = [(b"authorization", b"Bearer " + wrong.encode())]
            assert stranger.get("/v1/keywords", headers=sent).status_code == 401
        answer = stranger.get("/health", headers={"origin": "http://evil.example"})
        assert (answer.status_code, "evil.example are not accepted" in answer.text) == (403, True)


def test_the_interface_describes_itself_and_its_figures(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/health", "/metrics", "/v1/classify", "/v1/keywords", "/v1/keywords/{keyword}"}
    assert described["paths"]["/v1/classify"]["post"]["security"] == [{"token": []}]
    assert client.get("/v1/nothing").json() == {"error": "Not Found"}
    wrong = client.get("/v1/classify")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert client.patch("/v1/keywords").headers["allow"] == "GET, POST"
    assert "HTTPValidationError" not in str(described)
    classify(client, wav(say("marvin")))
    figures = client.get("/metrics").text
    for name in (
        'kws_model_info{name="universal",version="',
        "kws_detections_total{keyword=",
        "kws_request_seconds_sum",
    ):
        assert name in figures
    assert 'kws_requests_total{route="/v1/classify",status="200"}' in figures


def test_slow_requests_end_with_408(server: Server) -> None:
    """A head and a body that never end, side by side."""
    head = f"POST /v1/classify HTTP/1.1\r\nHost: {urlsplit(server.address).netloc}\r\n".encode()
    full = head + f"Authorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\nbeginning".encode()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda sent: _raw(server, sent), [head, full]))
    for answer, what in zip(answers, ("the head", "the body"), strict=True):
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": f"{what} did not arrive within {WITHIN_S:g} s"}


def _raw(server: Server, sent: bytes) -> bytes:
    """Everything that a connection answers to these bytes until it is closed."""
    place = urlsplit(server.address)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(sent)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def stream(server: Server, chunks: list[bytes | str], first: dict | None = None) -> list[dict]:
    """Every message of a stream that sends these chunks, and its end."""
    address = server.address.replace("http", "ws") + "v1/detect"
    messages = []
    with connect(address, proxy=None) as opened:
        opened.send(json.dumps({"token": TOKEN, **(first or {})}))
        with suppress(ConnectionClosed):  # it may be refused meanwhile
            for chunk in chunks:
                opened.send(chunk)
            opened.send('{"end": true}')
        with suppress(ConnectionClosed):
            for message in opened:
                messages.append(json.loads(message))
    return messages


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(1, 40000), min_size=1, max_size=5), st.sampled_from(["<i2", "<f4"]))
def test_a_stream_finds_what_the_whole_recording_holds(folder, server, client, sizes, kind) -> None:
    path = folder / "recording.flac"
    pcm = decode_file(path)
    samples = pcm.astype("<i2") if kind == "<i2" else pcm16_to_float(pcm).astype("<f4")
    chunks, at, place = [], 0, 0
    while at < len(samples):
        chunks.append(samples[at : at + sizes[place % len(sizes)]].tobytes() if sizes[0] > 500 else b"")
        if not chunks[-1]:
            chunks[-1] = samples[at : at + 8000 + sizes[0]].tobytes()
        at += len(chunks[-1]) // samples.itemsize
        place += 1
    messages = stream(server, chunks, {"format": "s16le" if kind == "<i2" else "float32"})
    assert messages[0]["ready"]
    assert messages[0]["keywords"] == ["marvin", "window"]
    assert messages[-1] == {"finished": True, "duration_s": round(len(pcm) / 16000, 3)}
    # in the order in which they became certain
    found = sorted((message["detection"] for message in messages[1:-1]), key=lambda each: each["start_s"])
    assert found == [pytest.approx(each) for each in classify(client, path.read_bytes()).json()["detections"]]


@pytest.mark.parametrize(
    ("chunks", "first", "told"),
    [
        ([b"odd"], {}, "3 bytes are no whole s16le samples of 2 bytes"),
        ([b"1234"], {"format": "mp3"}, "format 'mp3'; s16le, float32 are accepted"),
        ([np.full(2, np.inf, "<f4").tobytes()], {"format": "float32"}, "a sample is not a number"),
        ([b"1234"], {"token": "another"}, "a token is needed"),
        ([b"1234"], {"token": "\ud800", "format": ["s16le"]}, "a token is needed"),
        (["{}"], {}, 'only {"end": true} is accepted as text'),
        (["["], {}, "a text message is a JSON object"),
    ],
)
def test_streams_are_refused_with_a_sentence(server: Server, chunks: list[bytes | str], first: dict, told: str) -> None:
    assert stream(server, chunks, first)[-1]["error"].startswith(told)


def test_it_does_not_start_without_what_it_needs(folder: Path) -> None:
    anywhere = ("--host", "0.0.0.0", "--port", "0")  # noqa: S104 - it is refused
    finished = run_kws("serve", "bundle", *anywhere, cwd=folder, timeout_s=60)
    assert (finished.status, finished.stdout) == (1, "")
    told = "error: host 0.0.0.0 can be reached from other machines: set a token of 16 characters or more in the"
    assert finished.stderr.startswith(told), finished.stderr


@pytest.mark.parametrize(
    ("model", "host", "told"),
    [
        ("absent", "127.0.0.1", "absent: no bundle there"),
        ("models:/absent@champion", "127.0.0.1", "absent: no registry at"),
        ("models:/absent", "127.0.0.1", "'models:/absent' is no registered model"),
        ("universal", "no.such.host.invalid", "host 'no.such.host.invalid' is unknown"),
        ("universal", "127.0.0.1", "127.0.0.1:9 "),
    ],
)
def test_what_cannot_be_served_is_one_sentence(
    model: str, host: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1] if told.startswith("127") else 0
        with pytest.raises(KwsError) as raised:
            serve_forever(model, host, port, VARIABLE, "", None, 32, 30.0, 10.0)
    assert str(raised.value).startswith(told.replace(":9 ", f":{port} cannot be listened on"))


def test_it_ends_when_told_and_answers_first(folder: Path) -> None:
    with serving(folder, "bundle") as server, server.client() as client, ThreadPoolExecutor(1) as pool:
        # without a token, only names of this machine
        foreign = client.get("/health", headers={"host": "rebound.example"})
        assert (foreign.status_code, "is not this machine" in foreign.text) == (403, True)
        long = np.concatenate([say("marvin")] * 60)
        waiting = pool.submit(classify, client, wav(long))
        time.sleep(0.3)
        server.run.process.terminate()
        assert waiting.result(60).status_code == 200
        assert server.run.process.wait(30) in (0, -15)
