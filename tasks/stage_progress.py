"""The progress of a long stage as a Prefect artifact that moves."""

import contextvars
import threading
from typing import Any

from tasks.artifacts import artifact_key, attempt
from tasks.flow_run import flow_run_id
from tasks.stage_record import StageRecord, current_record

EVERY_S = 5.0
"""How often the artifact moves; work that is done sooner gets none."""


class StageProgress:
    """Tells Prefect how far some work of the running stage is; nothing outside of a flow run.

    The telling is done by a thread, so that a slow server does not hold up the work.
    """

    def __init__(self, work: str) -> None:
        """Begin with none of the work done."""
        self._share = self._told = 0.0
        self._artifact: Any = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        record = current_record()
        if record is None:
            return
        record.worked = True
        if not flow_run_id():
            return
        # the thread writes for the task run that begins it
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._tell, work, record), name=f"progress of {work}", daemon=True
        )
        self._thread.start()
        record.closing.callback(self.close)

    def moved(self, share: float) -> None:
        """So much of the work is done, 0 to 1."""
        self._share = min(max(share, 0.0), 1.0)

    def close(self) -> None:
        """The work is done or has ended otherwise: the artifact stays where it is."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _tell(self, work: str, record: StageRecord) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        what = f"the progress of {work}"
        while not self._closed.wait(EVERY_S):
            if self._artifact is None:
                self._told = self._share
                self._artifact = attempt(
                    what,
                    lambda: create_progress_artifact(
                        100 * self._told,
                        key=artifact_key("progress", work, record.experiment),
                        description=" · ".join([f"{work} of {record.experiment}", *record.links.values()]),
                    ),
                )
            else:
                self._update(what, update_progress_artifact)
        if self._artifact is not None:
            self._update(what, update_progress_artifact)

    def _update(self, what: str, update: Any) -> None:
        if self._share != self._told:
            self._told = self._share
            attempt(what, lambda: update(self._artifact, progress=100 * self._told))
