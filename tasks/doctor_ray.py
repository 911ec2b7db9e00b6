"""The doctor at the Ray cluster: reachable, open to who has its token, and to nobody else."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks.cluster import is_loopback
from tasks.doctor import Finding
from tasks.doctor_machine import installed, missing_package

CONNECT_S = 5.0
NO_TOKEN = "token"  # noqa: S105 - a word of Ray's messages
"""Part of what Ray says to who has no token, or a wrong one."""
LOCAL = ("", "local")
AUTO = "auto"


def ray(address: str, timeout_s: float) -> Sequence[Finding]:
    """Ask the cluster's head for its status, with the token of this environment and without one."""
    version = installed("ray")
    if not version:
        return [missing_package("Ray", "ray")]
    if address in LOCAL:
        said = f"{version}; RAY_ADDRESS is not set: each run starts a cluster on this machine, on loopback"
        return [Finding(name="Ray", state="ok", said=said)]
    if address.startswith("ray://"):
        advice = "set RAY_ADDRESS to HEAD:6379, and run on a machine of the cluster"
        return [
            Finding(
                name="Ray",
                state="wrong",
                said=f"{address} is an address of Ray Client, which Tune does not support",
                advice=advice,
            )
        ]
    host, _, port = address.rpartition(":")
    advice = "start it by `ray start --head`, correct RAY_ADDRESS, or unset it to compute on this machine"
    if not port.isdecimal() and address != AUTO:
        said = f"RAY_ADDRESS is {address}; HEAD:6379, {AUTO} or local are accepted"
        return [Finding(name="Ray", state="wrong", said=said, advice=advice)]
    try:
        # Ray itself waits a minute for a head that is not there; the one of `auto` is found by a file of this machine
        if address != AUTO:
            socket.create_connection((host.strip("[]"), int(port)), timeout=min(CONNECT_S, timeout_s)).close()
    except OSError as error:
        return [Finding(name="Ray", state="wrong", said=f"{address} does not answer: {error}", advice=advice)]
    with ThreadPoolExecutor(2) as pool:
        with_token = pool.submit(_status, address, {}, timeout_s)
        without = pool.submit(_status, address, {"RAY_AUTH_MODE": "disabled"}, timeout_s)
        said, open_to_all = with_token.result(), not without.result()
    if said:
        if NO_TOKEN in said.lower():
            advice = "set RAY_AUTH_TOKEN_PATH to the cluster's token; `ray get-auth-token` prints it on a node of it"
            return [Finding(name="Ray", state="wrong", said=f"{address} refuses the token: {said}", advice=advice)]
        return [Finding(name="Ray", state="wrong", said=f"{address} does not answer: {said}", advice=advice)]
    findings = [Finding(name="Ray", state="ok", said=f"{address} answers; Ray {version} here")]
    if not open_to_all:
        return [*findings, Finding(name="Ray token", state="ok", said="who has no token is refused")]
    return [
        *findings,
        Finding(
            name="Ray token",
            state="wrong",
            said=f"{address} admits who has no token: they can run any program on it",
            advice="start its nodes with RAY_AUTH_MODE=token and a shared RAY_AUTH_TOKEN_PATH",
            needed=not is_loopback(host),
        ),
    ]


def _status(address: str, environment: dict[str, str], timeout_s: float) -> str:
    """The complaint of `ray status`; empty where it succeeds. A process of its own, which can be stopped."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "status", f"--address={address}"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and the user's own address
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout_s:g} s"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    token = next((line for line in lines if "authentication" in line.lower()), "")
    return (token or (lines[-1] if lines else f"exit status {done.returncode}"))[:200]
