"""kill -9 of each process of the stack, in a data stage, in the search and while the model is registered.

SIGKILL of `kws retrain` itself in every stage: `tests/flows/test_kill.py`; of a node in every long stage:
`tests/flows/test_cluster_faults.py`.
"""

import threading
import time
from typing import Any

import httpx
import pytest
from fault_rows import Row, note
from fault_stack import RAY, FaultStack, kill_process
from retrains import MOMENTS, DeployedRetrain, Retrain, Trial, Undisturbed, check_result, note_trial, with_segments
from serving import write_recording

from infra.stack.services import MLFLOW, POSTGRES, PREFECT, RAY_HEAD, SERVE, WORKER, serving

pytestmark = pytest.mark.slow

SERVICES = {POSTGRES: (POSTGRES,), PREFECT: (PREFECT,), MLFLOW: (MLFLOW,), RAY_HEAD: RAY, RAY[1]: (RAY[1],)}
"""What is started again when a service was killed: nodes of Ray do not find a head that is another one."""


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service(service: str, running: FaultStack, undisturbed: Undisturbed) -> None:
    name = f"kill-{service}"
    with_segments(running, undisturbed.prefix, f"{name}/")

    def inflict(_: str) -> None:
        running.kill(service)
        running.supervise(*SERVICES[service])

    trial = Trial(Retrain(running, name), inflict)
    trial.carry_out()
    assert all(said.startswith("error: ") for ends in trial.ends.values() for said in ends), trial.ends
    check_result(running, undisturbed, name)
    note_trial(1, trial, undisturbed, dict.fromkeys(MOMENTS, f"kill -9 of {service}"))


def test_a_killed_prefect_worker(running: FaultStack, undisturbed: Undisturbed) -> None:
    with_segments(running, undisturbed.prefix, "kill-worker/")

    def inflict(_: str) -> None:
        running.kill_first(WORKER)  # its flow run lives on
        time.sleep(10)
        running.stack.restart(WORKER)

    trial = Trial(DeployedRetrain(running, "kill-worker"), inflict)
    trial.carry_out()
    check_result(running, undisturbed, "kill-worker")
    note_trial(1, trial, undisturbed, dict.fromkeys(MOMENTS, "kill -9 of the Prefect worker"))


def test_a_killed_flow_run(running: FaultStack, undisturbed: Undisturbed) -> None:
    with_segments(running, undisturbed.prefix, "kill-flow-run/")

    def inflict(_: str) -> None:
        processes = running.flow_processes()
        assert processes
        for process in processes:
            kill_process(process)

    trial = Trial(DeployedRetrain(running, "kill-flow-run"), inflict)
    trial.carry_out()
    check_result(running, undisturbed, "kill-flow-run")
    note_trial(1, trial, undisturbed, dict.fromkeys(MOMENTS, "kill -9 of the flow run's process"))


def test_a_killed_serving_process(running: FaultStack, undisturbed: Undisturbed) -> None:
    model = undisturbed.prefix.rstrip("/")
    running.stack.add(serving(running.layout, model))
    try:
        write_recording(running.folder / "recording.wav", "computer", "music")
        client = _Client(running, (running.folder / "recording.wav").read_bytes())
        with client:
            before = client.until_answers(5)
            killed = time.monotonic()
            running.kill(SERVE)
            running.supervise(SERVE)
            after = client.until_answers(5)
            down_s = min(when for when, _ in client.answers if when > killed + 1) - killed
            failed = len(client.failures)
            # the registry is gone: what is served stays
            running.kill(MLFLOW)
            without = client.until_answers(20)
            assert len(client.failures) == failed
            running.supervise(MLFLOW)
        assert before == after == without
        said = f"{failed} requests refused until it was back"
        note(Row(1, "kill -9 of serve", "while it answers", said, "by itself", down_s, 0.0))
        note(Row(1, "kill -9 of mlflow", "while serve answers", "nothing: every request was answered", "by itself"))
    finally:
        running.stack.services.pop(SERVE).kill()


class _Client:
    """Asks the service for one recording again and again."""

    def __init__(self, running: FaultStack, recording: bytes) -> None:
        self.address = running.layout.url(SERVE, "/v1/classify")
        self.headers = {"authorization": f"Bearer {running.layout.serve_token}", "content-type": "audio/wav"}
        self.recording = recording
        self.answers: list[tuple[float, dict[str, Any]]] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "_Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def until_answers(self, count: int, timeout_s: float = 200) -> Any:
        """What was found in the recording, once there are so many more answers."""
        wanted, deadline = len(self.answers) + count, time.monotonic() + timeout_s
        while len(self.answers) < wanted:
            assert time.monotonic() < deadline, self.failures[-3:]
            time.sleep(0.1)
        return self.answers[-1][1]["detections"]

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                answer = httpx.post(self.address, content=self.recording, headers=self.headers, timeout=60)
                answer.raise_for_status()
                self.answers.append((time.monotonic(), answer.json()))
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
            self._stop.wait(0.2)
