"""The look at the model's source, every few seconds, in a thread of its own."""

import logging
import threading

from flows.serve.metrics import Metrics
from flows.serve.model_holder import ModelHolder
from kws_core.errors import KwsError

log = logging.getLogger("kws.serve")

LONGEST_WAIT_S = 300.0


class Watch:
    """Refreshes the model in service while it runs; after a failure the waits double, and the model stays."""

    def __init__(self, holder: ModelHolder, metrics: Metrics, poll_s: float) -> None:
        self._holder = holder
        self._metrics = metrics
        self._poll_s = poll_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kws-serve-watch", daemon=True)
        self.problem: str | None = None
        """Why the last look failed; None when it did not."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look that is under way is not waited for long."""
        self._ended.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        wait_s = self._poll_s
        while not self._ended.wait(wait_s):
            try:
                self._holder.refresh()
            except Exception as error:  # whatever a registry's client raises must not end the watch
                said = str(error) if isinstance(error, KwsError) else f"{type(error).__name__}: {error}"
                if said != self.problem:
                    log.warning("the model in service stays: %s", said)
                self.problem = said
                self._metrics.failed_polls.inc()
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            else:
                self.problem, wait_s = None, self._poll_s
