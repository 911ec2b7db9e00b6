"""The Ray cluster that stages compute on: `RAY_ADDRESS`, or this machine."""

import contextlib
import ipaddress
import logging
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from kws_core.errors import ClusterError
from tasks.cluster_watch import head_was_replaced, watch_head
from tasks.stage_record import note_link

_dashboard = {"address": ""}
"""Of the cluster that is connected, where it has one."""


def connect() -> Any:
    """Return the `ray` module, connected; a local cluster is started only when there is work for it.

    Raises:
        ClusterError: others could run programs on the cluster, as it has no token; see `check_token`.
    """
    import ray

    if head_was_replaced():
        ray.shutdown()
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "local")
        check_token(address)
        options: dict[str, Any] = {"address": address, "logging_level": logging.ERROR, "log_to_driver": False}
        if address == "local":
            # the dashboard's head cleans up after trials that ASHA stops; it listens on loopback
            options |= {"include_dashboard": True, "dashboard_host": "127.0.0.1"}
            # this machine has MFA, or says what is missing when it is called
            options |= {"resources": {"mfa": os.cpu_count() or 1}}
        with _own_termination():
            _dashboard["address"] = ray.init(**options).dashboard_url or ""
        if address != "local":
            watch_head(address)
    note_link("Ray dashboard", _dashboard["address"] and f"http://{_dashboard['address']}")
    return ray


@contextlib.contextmanager
def _own_termination() -> Iterator[None]:
    """Leave it to who handled SIGTERM what that means: Prefect's cancelling arrives as one, and Ray takes it over."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(handler) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def check_token(address: str) -> None:
    """Raise `ClusterError` where Ray would listen, or is listening, beyond loopback and admits who has no token."""
    mode = os.environ.get("RAY_AUTH_MODE", "").lower()
    # without a mode, Ray makes a token for a cluster of its own, and takes the one it finds for one that is there
    if mode == "token" or (not mode and address == "local"):
        return
    if is_loopback(address.removeprefix("ray://").rpartition(":")[0]):
        return
    if not mode and _token_is_there():
        return
    where = "Ray would listen on every address of this machine" if address == "local" else f"RAY_ADDRESS is {address}"
    why = f"RAY_AUTH_MODE is {mode}" if mode else "no token is set"
    raise ClusterError(
        f"{where} and {why}: who reaches it could run any program. Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH "
        "to a file with the token of the cluster (`ray get-auth-token --generate` makes one)"
    )


def _token_is_there() -> bool:
    from ray._private.authentication.authentication_token_setup import AuthenticationTokenLoader

    return bool(AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's alone; a name that is not resolved here counts as not."""
    host = host.strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
