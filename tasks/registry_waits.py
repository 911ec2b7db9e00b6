"""What is said while MLflow does not answer: one line now and then, in place of its client's warning for every try."""

import logging
import time

from tasks.logs import log

QUIET_S = 30.0
CLIENT = "urllib3.connectionpool"


class OneLineOfWaiting(logging.Filter):
    """Passes all records on but those of requests that are tried again."""

    def __init__(self) -> None:
        super().__init__()
        self._said = -QUIET_S

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written as it is."""
        if not record.msg.startswith("Retrying ("):
            return True
        if time.monotonic() - self._said >= QUIET_S:
            self._said = time.monotonic()
            log(logging.WARNING, "mlflow", "does not answer; it is asked again")
        return False


def say_waits_once() -> None:
    """Put the filter in place of the warnings; calling it again changes nothing."""
    client = logging.getLogger(CLIENT)
    if not any(isinstance(found, OneLineOfWaiting) for found in client.filters):
        client.addFilter(OneLineOfWaiting())
