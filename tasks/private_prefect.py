"""A Prefect server of a command's own, where no other is named, that starts while the command imports what it needs.

Prefect would start one itself, but only once the flow is called, and after it has imported the whole server.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from kws_core.errors import ClusterError

PRIVATE = "KWS_PREFECT_IS_PRIVATE"
"""Environment variable that is set where Prefect's server ends with the command."""
START_S = 180.0
STOP_S = 10.0
OWN_SETTINGS = ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH", "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE")


class PrivatePrefect:
    """A server on loopback that ends with this process, or nothing where the user's settings decide."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if not _is_configured():
            self._start()

    def wait(self) -> None:
        """Wait until it answers; raises `ClusterError` where it ends first or needs more than three minutes."""
        deadline = time.monotonic() + START_S
        while self._process is not None:
            if self._process.poll() is not None:
                raise ClusterError(f"Prefect's server ended with status {self._process.returncode} before it answered")
            try:
                with urllib.request.urlopen(f"{os.environ['PREFECT_API_URL']}/health", timeout=5):  # noqa: S310
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise ClusterError(f"Prefect's server does not answer after {START_S:.0f} s") from None
                time.sleep(0.05)

    def _start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # as Prefect starts its own: without a page, and without the services that only deployments need
        env = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", __name__, str(port)],
            env={**os.environ, **env},
            # closed when this process ends, however it ends
            stdin=subprocess.PIPE,
        )
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
        os.environ[PRIVATE] = "true"
        # registered before Prefect is imported, so it runs after Prefect has sent what it still holds
        atexit.register(self._stop)

    def _stop(self) -> None:
        assert self._process is not None  # noqa: S101 - registered by who made it
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _is_configured() -> bool:
    """Whether the environment, a profile or a settings file says what Prefect shall do."""
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    files = (home / "profiles.toml", Path("prefect.toml"), Path(".env"))
    project = Path("pyproject.toml")
    return (
        any(name in os.environ for name in OWN_SETTINGS)
        or any(path.exists() for path in files)
        or (project.exists() and "[tool.prefect" in project.read_text(encoding="utf-8"))
    )


def _serve(port: int) -> None:
    """Run the server until it is told to end, or the process that started it is gone."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
