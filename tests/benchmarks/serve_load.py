"""`kws serve` under load on loopback: latency, malformed requests, a champion that moves, and its own description.

    python -m tests.benchmarks.serve_load [--seconds 5] [--schemathesis PATH]

The clients run in processes of their own, on the same cores as the service, so figures are of both together. Prints a
table of requests a second with the median and the 99th percentile of the latency at 1, 8 and 64 clients for a recording
of one second; then 1,000 malformed requests by what was answered, with the memory of the service before and after; then
a swap of the champion under load; then, where its program is given, what schemathesis finds.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import soundfile

from flows.quiet import quieten

quieten()

KWS = Path(sys.executable).with_name("kws")
WAV_SECONDS = 1.0
WITHIN_S = 5.0


def main() -> None:
    """Run every part and print what it found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0, help="of load at each number of clients")
    parser.add_argument("--malformed", type=int, default=1000)
    parser.add_argument("--schemathesis", default="", help="its program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = prepare(folder)
        with served(folder, "first", "--within-s", str(WITHIN_S)) as (address, process):
            throughput(address, process, recording, options.seconds)
            malformed(address, process, options.malformed)
            if options.schemathesis:
                describe(address, options.schemathesis)
        swap(folder, recording, options.seconds)


def prepare(folder: Path) -> bytes:
    """Two bundles and a registry with both; returns a recording of a word."""
    from kws_core.bundle import load_bundle
    from kws_core.corpora.espeak import Synthesizer
    from kws_core.enrolment import enrol
    from kws_core.enrolment_example import Example
    from kws_core.universal import universal_bundle_path
    from tasks import registry

    def said(word: str, voice: str, rate: int) -> np.ndarray:
        return np.pad((Synthesizer().synthesize(word, voice, rate, 50).pcm16 / 32768).astype(np.float32), 4000)

    voices = (("en-us+m1", 150), ("en-us+f2", 165), ("en+m3", 180))
    examples = {word: [Example(f"{word} {rate}", said(word, *voice)) for voice in voices for rate in (voice[1],)]
                for word in ("marvin", "window")}  # fmt: skip
    general = load_bundle(universal_bundle_path())
    enrol(general, examples, 0.005).write(folder / "first")
    enrol(general, {"marvin": examples["marvin"]}, 0.005).write(folder / "second")
    client = registry.client(f"sqlite:///{folder / 'mlflow.db'}")
    client.create_registered_model("words")
    for name in ("first", "second"):
        client.create_model_version("words", str(folder / name))
    client.set_registered_model_alias("words", "champion", "1")
    path = folder / "word.wav"
    soundfile.write(path, said("marvin", "en-us+m1", 160)[: round(WAV_SECONDS * 16000)], 16000)
    return path.read_bytes()


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """Address and process of a service."""
    process = subprocess.Popen(
        [str(KWS), "serve", *options, "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise RuntimeError(f"kws serve ended with {process.wait()}")
        yield found[0], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def throughput(address: str, process: int, recording: bytes, seconds: float) -> None:
    """Requests a second and latencies at 1, 8 and 64 clients, and what a request costs the service's processors."""
    print("clients  requests/s  p50 ms  p99 ms  processor ms  refused")
    for clients in (1, 8, 64):
        began_s = processor_s(process)
        latencies, refused = load(address, recording, clients, seconds)
        each_ms = (processor_s(process) - began_s) / max(len(latencies), 1) * 1000
        p50, p99 = np.percentile(latencies, [50, 99]) * 1000
        print(f"{clients:7}  {len(latencies) / seconds:10.1f}  {p50:6.1f}  {p99:6.1f}  {each_ms:12.1f}  {refused:7}")


def load(address: str, recording: bytes, clients: int, seconds: float) -> tuple[np.ndarray, int]:
    """Latencies `[requests]` in seconds of what was answered, and how many requests were not."""
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(_load, address, recording, clients, seconds).result()


def _load(address: str, recording: bytes, clients: int, seconds: float) -> tuple[np.ndarray, int]:
    async def one(client: httpx.AsyncClient, until: float, latencies: list[float]) -> int:
        refused = 0
        while (began := time.monotonic()) < until:
            try:
                answer = await client.post("/v1/classify", content=recording, headers={"content-type": "audio/wav"})
                answer.raise_for_status()
                latencies.append(time.monotonic() - began)
            except httpx.HTTPError:
                refused += 1
        return refused

    async def everyone() -> tuple[np.ndarray, int]:
        latencies: list[float] = []
        limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60, trust_env=False) as client:
            await one(client, time.monotonic() + 0.3, [])
            until = time.monotonic() + seconds
            refused = await asyncio.gather(*(one(client, until, latencies) for _ in range(clients)))
        return np.array(latencies), sum(refused)

    return asyncio.run(everyone())


def malformed(address: str, process: int, count: int) -> None:
    """Requests that nobody should send: what is answered, and what they leave in memory."""
    draw = random.Random(0)
    kinds = ("wrong type", "garbage", "truncated", "huge", "slow", "no http", "bad words", "bad stream")
    slow = max(count // 50, 1)
    plan = [kinds[place % len(kinds)] for place in range(count)]
    plan = ["garbage" if kind == "slow" and draw.random() > slow * len(kinds) / count else kind for kind in plan]
    for kind in kinds:  # a first round fills caches and pools that stay
        _ask(address, kind, 0)
    before = memory_mb(process)
    with ThreadPoolExecutor(16) as pool:
        answers = Counter(
            (kind, answer)
            for kind, answer in zip(
                plan, pool.map(lambda job: _ask(address, job[1], job[0]), enumerate(plan)), strict=True
            )
        )
    after = memory_mb(process)
    print(f"\n{count} malformed requests: memory {before:.1f} MB before, {after:.1f} MB after")
    for (kind, answer), number in sorted(answers.items()):
        print(f"  {kind:10}  {answer:44}  {number}")
    with httpx.Client(base_url=address, trust_env=False) as client:
        print(f"  afterwards /health is {client.get('/health').json()['status']}")


def _ask(address: str, kind: str, seed: int) -> str:
    """Status and the beginning of the sentence that a malformed request of this kind gets."""
    draw = np.random.default_rng(seed)
    place = urlsplit(address)
    if kind == "bad stream":
        return _bad_stream(address, draw)
    if kind in ("slow", "no http", "huge"):
        head = f"POST /v1/classify HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: audio/wav\r\n"
        sent = {
            "slow": f"{head}Content-Length: 1000\r\n\r\nRIFF".encode(),
            "no http": bytes([draw.integers(128, 256)]) + draw.bytes(200) + b"\r\n\r\n",
            "huge": f"{head}Content-Length: {10**10}\r\n\r\n".encode() + bytes(200_000),
        }[kind]
        return _raw(place.hostname or "", place.port or 0, sent)
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        if kind == "bad words":
            files = [("recordings", (f"{take}.wav", draw.bytes(500))) for take in range(int(draw.integers(0, 13)))]
            answer = client.post("/v1/keywords", data={"keyword": "word"}, files=files or None)
        elif kind == "wrong type":
            answer = client.post("/v1/classify", json={"audio": draw.bytes(50).hex()})
        else:
            content = draw.bytes(int(draw.integers(0, 5000)))
            if kind == "truncated":
                samples = draw.integers(-9999, 9999, 4000).astype("<i2").tobytes()
                # a header that promises more than there is room for, of a rate and a width that nobody has
                head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 2**31, b"WAVE", b"fmt ", 16, 1, 1, 2000, 4000, 2, 16)
                content = (head + b"data" + struct.pack("<I", 2**31) + samples)[: int(draw.integers(1, 4000))]
            answer = client.post("/v1/classify", content=content, headers={"content-type": "audio/wav"})
        return f"{answer.status_code} {answer.json()['error'][:40]}"


def _bad_stream(address: str, draw: np.random.Generator) -> str:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    sent = [b"odd", "no json", '{"format": "mp3"}', "[]", draw.bytes(1_100_000)][int(draw.integers(0, 5))]
    try:
        with connect(f"{address.replace('http', 'ws')}v1/detect", proxy=None) as opened:
            opened.send(sent)
            while True:
                opened.recv(timeout=30)
    except ConnectionClosed as closed:
        return f"closed {closed.rcvd.code if closed.rcvd else 'without a code'}"


def _raw(host: str, port: int, sent: bytes) -> str:
    with socket.create_connection((host, port), timeout=60) as connection:
        try:
            connection.sendall(sent)
            answer = connection.recv(65536)
        except ConnectionError as error:
            return type(error).__name__
    return answer.partition(b"\r\n")[0].decode().removeprefix("HTTP/1.1 ")


def processor_s(process: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def swap(folder: Path, recording: bytes, seconds: float) -> None:
    """The champion moves there and back under load of 8 clients: requests answered and lost."""
    from tasks import registry

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = registry.client(uri)
    options = ("models:/words@champion", "--tracking-uri", uri, "--poll-s", "0.2")
    with served(folder, *options) as (address, _), ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, address, recording, 8, 4 * seconds)
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
            seen = []
            for version in ("2", "1", "2"):
                time.sleep(seconds)
                client.set_registered_model_alias("words", "champion", version)
                deadline = time.monotonic() + 60
                while (now := http.get("/health").json()["model"]["version"]) != version:
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"version {now} still serves")
                    time.sleep(0.05)
                seen.append(now)
            latencies, refused = loading.result()
    print(f"\nswaps to versions {', '.join(seen)} under 8 clients: {len(latencies)} answered, {refused} lost")


def describe(address: str, program: str) -> None:
    """What schemathesis finds against the service's own description."""
    # a schema cannot say what a good recording is: all that it makes are rightly refused
    checks = ("--exclude-checks", "positive_data_acceptance")
    command = [program, "run", f"{address}openapi.json", *checks, "--seed", "1", "--max-examples", "100"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    print(f"\nschemathesis: status {done.returncode}")
    print(done.stdout[-6000:])


if __name__ == "__main__":
    main()
