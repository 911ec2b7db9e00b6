"""A command's own Prefect server: only where nothing else is configured, and told when it cannot start."""

import os
from pathlib import Path

import pytest

from kws_core.errors import ClusterError
from tasks import private_prefect
from tasks.private_prefect import PRIVATE, PrivatePrefect


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of Prefect's, in an empty folder; what the server sets is undone."""
    for name in (*private_prefect.OWN_SETTINGS, PRIVATE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", private_prefect.OWN_SETTINGS)
def test_the_environment_decides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1/api")
    PrivatePrefect().wait()
    assert PRIVATE not in os.environ
    assert os.environ.get("PREFECT_API_URL") in (None, "http://127.0.0.1:1/api")


@pytest.mark.parametrize(
    ("name", "text"),
    [("home/profiles.toml", ""), ("prefect.toml", ""), (".env", ""), ("pyproject.toml", "[tool.prefect.api]\n")],
)
def test_a_settings_file_decides(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    PrivatePrefect().wait()
    assert "PREFECT_API_URL" not in os.environ


def test_a_server_that_cannot_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    monkeypatch.setattr(private_prefect.sys, "executable", "/bin/false")
    server = PrivatePrefect()
    assert os.environ[PRIVATE]
    with pytest.raises(ClusterError, match="Prefect's server ended with status 1 before it answered"):
        server.wait()
