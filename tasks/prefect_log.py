"""What the factory says as log lines of the Prefect run, so that its page shows them."""

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.flow_run import flow_run_id
from tasks.logs import PlainLines, logger


@contextmanager
def logged_in_prefect() -> Iterator[None]:
    """Send the records of the block to Prefect too, where a flow run's own log is wanted at their level."""
    if not flow_run_id() or not logging.getLogger("prefect.flow_runs").isEnabledFor(logging.INFO):
        yield
        return
    handler = _handler()
    logger().addHandler(handler)
    try:
        yield
    finally:
        logger().removeHandler(handler)


@functools.cache
def _handler() -> logging.Handler:
    from prefect.logging.handlers import APILogHandler

    handler: logging.Handler = APILogHandler(level=logging.INFO)
    handler.setFormatter(PlainLines())
    # Prefect cannot place what threads say that belong to no run
    handler.addFilter(lambda record: bool(flow_run_id()))
    return handler
