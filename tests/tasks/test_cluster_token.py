"""No cluster that others could run programs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray._private.authentication.authentication_token_setup import AuthenticationTokenLoader

from kws_core.errors import ClusterError
from tasks.cluster import check_token, is_loopback


@pytest.mark.parametrize(
    ("address", "mode"),
    [("local", ""), ("local", "token"), ("10.0.0.1:6379", "token"), ("127.0.0.1:6379", "disabled"), ("[::1]:1", "")],
)
def test_loopback_or_a_token_is_accepted(address: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, mode)
    check_token(address)


@pytest.mark.parametrize(
    ("address", "mode"),
    [("local", "disabled"), ("10.0.0.1:6379", "disabled"), ("ray-head:6379", "Disabled"), ("auto", "disabled")],
)
def test_what_others_reach_without_a_token_is_refused(address: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, mode)
    with pytest.raises(ClusterError, match=r"RAY_AUTH_MODE=token.*RAY_AUTH_TOKEN_PATH"):
        check_token(address)


def test_without_a_mode_a_token_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(monkeypatch, "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ClusterError, match="no token is set"):
        check_token("ray-head:6379")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    AuthenticationTokenLoader.instance().reset_cache()
    check_token("ray-head:6379")


def test_loopback_is_told_from_the_address_alone() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"))
    assert not any(is_loopback(host) for host in ("", "0.0.0.0", "10.0.0.1", "ray-head", "::"))  # noqa: S104


@pytest.fixture(autouse=True)
def _tokens_are_read_anew() -> Iterator[None]:
    """Ray keeps the token that an earlier test of this process made."""
    loader = AuthenticationTokenLoader.instance()
    loader.reset_cache()
    yield
    loader.reset_cache()


def _environment(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    if mode:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
