"""The champion moves while requests come in: none is lost, enrolled words stay, and a broken champion is not served."""

import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import soundfile
from serving import VOICES, say, serving, words_bundle, write_recording
from websockets.sync.client import connect

from tasks import registry


def test_a_moved_alias_swaps_the_model_and_loses_no_request(tmp_path: Path) -> None:
    words_bundle(tmp_path / "first", "marvin")
    words_bundle(tmp_path / "second", "marvin", "window")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = registry.client(uri)
    client.create_registered_model("words")
    (tmp_path / "broken").mkdir()
    for name in ("first", "second", "broken"):
        client.create_model_version("words", str(tmp_path / name))
    client.set_registered_model_alias("words", "champion", "1")
    write_recording(tmp_path / "recording.wav", "computer", "window")
    content = (tmp_path / "recording.wav").read_bytes()
    with (
        serving(tmp_path, "models:/words@champion", "--tracking-uri", uri, "--poll-s", "0.1") as server,
        server.client() as http,
    ):
        answer = http.post("/v1/keywords", data={"keyword": "computer", "far": "0.005"}, files=_takes("computer"))
        assert answer.status_code == 201, answer.text
        stream_address = server.address.replace("http", "ws") + "v1/detect"
        with _Load(server.address, content) as load, connect(stream_address, proxy=None) as stream:
            _until(lambda: len(load.answers) > 5)
            stream.send(bytes(8000))
            began = json.loads(stream.recv())
            client.set_registered_model_alias("words", "champion", "2")
            _until(lambda: http.get("/health").json()["model"]["version"] == "2")
            seen = len(load.answers)
            _until(lambda: len(load.answers) > seen + 8)
            stream.send(pcm16(content))
            stream.send('{"end": true}')
            heard = [json.loads(message) for message in stream]
        # a stream keeps the model that it began with, which does not know "window"
        assert began["model"]["version"] == "1"
        assert {"model_changed": {"name": "universal", "version": "2"}} in heard
        assert {each["detection"]["keyword"] for each in heard if "detection" in each} == {"computer"}
        assert not load.failures
        assert {answer["model"]["version"] for answer in load.answers} == {"1", "2"}
        for answer in load.answers:
            found = {each["keyword"] for each in answer["detections"]}
            assert "computer" in found, "the enrolled word is heard by both"
            assert ("window" in found) == (answer["model"]["version"] == "2")
        client.set_registered_model_alias("words", "champion", "3")
        _until(lambda: http.get("/health").json()["problem"] is not None)
        assert http.get("/health").json()["model"]["version"] == "2"
        client.set_registered_model_alias("words", "champion", "1")
        _until(lambda: http.get("/health").json()["model"]["version"] == "1")
        figures = http.get("/metrics").text
        assert "kws_model_swaps_total 2.0" in figures
        assert 'kws_model_info{name="universal",version="1"} 1.0' in figures
        assert "Traceback" not in server.run.stderr.read_text()


def pcm16(wav: bytes) -> bytes:
    samples, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
    return bytes(samples.tobytes())


class _Load:
    """Three clients that ask all the time."""

    def __init__(self, address: str, content: bytes) -> None:
        self.answers: list[dict] = []
        self.failures: list[object] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(address, content)) for _ in range(3)]

    def __enter__(self) -> "_Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, address: str, content: bytes) -> None:
        headers = {"content-type": "audio/wav"}
        with httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
            while not self._ended.is_set():
                try:
                    answer = client.post("/v1/classify", content=content)
                    (self.answers if answer.status_code == 200 else self.failures).append(answer.json())
                except httpx.HTTPError as error:
                    self.failures.append(error)


def _takes(word: str) -> list[tuple[str, tuple[str, bytes]]]:
    files = []
    for voice, rate in VOICES:
        sink = io.BytesIO()
        soundfile.write(sink, say(word, voice, rate), 16000, format="WAV")
        files.append(("recordings", (f"{word} {rate}.wav", sink.getvalue())))
    return files


def _until(true: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
