"""What an installation has and what it lacks, asked before a run has to find out."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["ok", "missing", "wrong"]


class Finding(BaseModel):
    """One line of the doctor's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    state: State
    said: str
    """What was found."""
    advice: str = ""
    """What to do; empty where all is well."""
    needed: bool = True
    """Whether runs as they are set up here need it."""

    @property
    def stops_runs(self) -> bool:
        """Whether runs would fail for it."""
        return self.needed and self.state != "ok"


class Probe(BaseModel):
    """A question with a name, under which it is told when its answer does not come."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    ask: Callable[[], Sequence[Finding]]
    advice: str = "ask again with a longer --timeout-s"
    """What to do when no answer comes."""
    needed: bool = True


def examine(probes: Sequence[Probe], timeout_s: float) -> list[Finding]:
    """Ask all probes at once; the findings come in the order of the probes.

    A probe that raises, or has no answer within `timeout_s`, is a finding of its own: nothing is waited for longer.
    """
    answers: list[list[Finding]] = [[] for _ in probes]
    # daemons, as one that hangs in a connection must not keep the command from ending
    threads = [
        threading.Thread(target=_answer, args=(probe, answer), daemon=True)
        for probe, answer in zip(probes, answers, strict=True)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    found = list[Finding]()
    for probe, answer in zip(probes, answers, strict=True):
        late = Finding(
            name=probe.name,
            state="wrong",
            said=f"no answer within {timeout_s:g} s",
            advice=probe.advice,
            needed=probe.needed,
        )
        found.extend(list(answer) or [late])
    return found


def _answer(probe: Probe, answer: list[Finding]) -> None:
    try:
        found = probe.ask()
    except Exception as error:  # whatever an installation does wrong is a finding
        said = " ".join(f"{type(error).__name__}: {error}".split())
        found = [Finding(name=probe.name, state="wrong", said=said[:300], advice=probe.advice, needed=probe.needed)]
    answer.extend(found)
