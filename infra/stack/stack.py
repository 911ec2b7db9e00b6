"""All services together: started in the order of their needs, stopped in the opposite one."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack.service import Service
from infra.stack.services import Layout, services
from kws_core.errors import ClusterError

UP_S = 300.0
STARTS = 3
"""Ray gives a node 30 s to start, which a busy machine may not have: a service that ends is started again."""


class Stack:
    """Services by name, and where they are."""

    def __init__(self, layout: Layout, found: list[Service]) -> None:
        self.layout = layout
        self.services = {service.name: service for service in found}

    def up(self, tell: Callable[[str], None], timeout_s: float = UP_S) -> None:
        """Start all, several at a time, and wait until they are ready; `tell` takes a line for each.

        Raises:
            ClusterError: a service ended again and again, or not all are ready in time.
        """
        begun = time.monotonic()
        ready: set[str] = set()
        starts = dict.fromkeys(self.services, 0)
        while len(ready) < len(self.services):
            for name, service in self.services.items():
                if name in ready and service.ended():
                    ready.remove(name)  # it was ready too soon: started again below
                if name in ready or not set(service.needs) <= ready:
                    continue
                if not starts[name]:
                    service.prepare()
                if not starts[name] or (service.ended() and starts[name] < STARTS):
                    service.kill()
                    service.start()
                    starts[name] += 1
                elif service.check():
                    ready.add(name)
                    tell(f"{name:<13} ready after {time.monotonic() - begun:5.1f} s")
            if time.monotonic() - begun > timeout_s:
                late = ", ".join(name for name in self.services if name not in ready)
                raise ClusterError(f"not ready after {timeout_s:.0f} s: {late}; their logs are in {self.layout.kept}")
            time.sleep(0.2)

    def add(self, service: Service, timeout_s: float = UP_S) -> None:
        """Start one more service and wait for it."""
        self.services[service.name] = service
        service.start()
        service.wait(timeout_s)

    def restart(self, name: str, timeout_s: float = UP_S) -> None:
        """Start a service again that was killed, on the same port, with what it had stored."""
        self.services[name].start()
        self.services[name].wait(timeout_s)

    def down(self) -> dict[str, int]:
        """Stop all; returns, by name, how many processes had to be killed."""
        return {name: service.stop() for name, service in reversed(self.services.items())}


@contextmanager
def stack(kept: Path) -> Iterator[Stack]:
    """A stack that is not started yet; when the block ends nothing of it runs, and only `kept` is left on disk."""
    temporary = Path(tempfile.mkdtemp(prefix="kws"))
    # Postgres may run as another user, whose folder lies below
    temporary.chmod(0o711)
    layout = Layout(temporary, kept)
    layout.home.mkdir(parents=True, exist_ok=True)
    layout.log("any").parent.mkdir(parents=True, exist_ok=True)
    (temporary / "tmp").mkdir()
    token = temporary / "token"
    token.touch(mode=0o600)
    token.write_text(layout.ray_token, encoding="utf-8")
    made = Stack(layout, [])
    try:
        made.services.update((service.name, service) for service in services(layout))
        yield made
    finally:
        for service in made.services.values():
            service.kill()
        shutil.rmtree(temporary, ignore_errors=True)
