"""The Ray cluster that stages compute on: `RAY_ADDRESS`, or this machine."""

import logging
import os
from typing import Any


def connect() -> Any:
    """Return the `ray` module, connected; a local cluster is started only when there is work for it."""
    import ray

    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "local")
        options: dict[str, Any] = {"address": address, "logging_level": logging.ERROR, "log_to_driver": False}
        if address == "local":
            # the dashboard's head cleans up after trials that ASHA stops; it listens on loopback
            options |= {"include_dashboard": True, "dashboard_host": "127.0.0.1"}
            # this machine has MFA, or says what is missing when it is called
            options |= {"resources": {"mfa": os.cpu_count() or 1}}
        ray.init(**options)
    return ray


def cpus() -> int:
    """CPUs of the connected cluster, at least 1."""
    import ray

    return max(int(ray.cluster_resources().get("CPU", 1)), 1)


def largest_node_cpus() -> int:
    """CPUs of the node of the connected cluster that has most, at least 1: what one process can have."""
    import ray

    return max([1, *(int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"])])


def cause(error: Exception) -> Exception:
    """The error that a Ray task raised, without Ray's wrapping."""
    inner = getattr(error, "cause", None)
    return inner if isinstance(inner, Exception) else error
