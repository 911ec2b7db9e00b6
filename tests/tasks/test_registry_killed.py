"""The MLflow server is killed just before it moves an alias: a rerun finishes what was begun (`make test-slow`)."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
sys.path.insert(0, str(Path(__file__).parents[1] / "kws_core"))
import s3_proxy
from experiments import kill_run, start
from promotion_case import NAME, make_case
from s3_proxy import CUT, FaultyProxy
from servers import BIN, free_port, wait_for_answer

from kws_core.errors import RegistryError
from tasks import move_lock, registry
from tasks.decisions import decisions
from tasks.move import current_aliases
from tasks.places import Places

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]
ALIAS = "registered-models/alias"


class KillingProxy(FaultyProxy):
    """Passes requests on to a server, until one that sets an alias: it kills the server instead, when it is told to."""

    def __init__(self, server: str, kill: Callable[[], Any]) -> None:
        super().__init__(server, {})
        self.kill = kill
        self.passed = 0
        """Requests that set an alias before the one that kills; below 0 for none that does."""

    def next_fault(self, method: str, target: str) -> int | str | None:
        if method != "POST" or ALIAS not in target or self.passed < 0:
            return None
        self.passed -= 1
        if self.passed >= 0:
            return None
        self.kill()
        return CUT


def test_a_server_killed_between_upload_and_alias_loses_nothing(
    tmp_path: Path, s3_endpoint: str, s3_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(move_lock, "LEASE_S", 2.0)
    monkeypatch.setattr(s3_proxy._Handler, "do_PATCH", s3_proxy._Handler._serve, raising=False)
    servers = []

    def serve() -> str:
        port = free_port()
        options = ["--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}", "--workers", "1"]
        options += ["--artifacts-destination", f"{s3_url}/artifacts", "--host", "127.0.0.1", "--port", str(port)]
        servers.append(start([str(BIN / "mlflow"), "server", *options], tmp_path, {"AWS_ENDPOINT_URL": s3_endpoint}))
        wait_for_answer(f"http://127.0.0.1:{port}/health", servers[-1])
        return f"http://127.0.0.1:{port}"

    proxy = KillingProxy(serve(), lambda: kill_run(servers[-1]))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        case = make_case(Places.in_workspace(tmp_path, f"{s3_url}/store", proxy.url), monkeypatch, tmp_path)
        bundle, client = case.bundle(tmp_path / "bundle"), registry.client(proxy.url)
        with pytest.raises(RegistryError, match=f"^MLflow at {proxy.url} did not answer: "):
            case.register(bundle)
        proxy.server = serve()
        (version,) = registry.versions(client, NAME)
        assert current_aliases(client, NAME) == {}
        assert version.tags[registry.BUNDLE_TAG] == bundle.fingerprint
        assert case.register(bundle) == "1"
        assert current_aliases(client, NAME) == {"candidate": "1"}
        # challenger, then killed at champion: the decision is written, and carried out by the rerun
        proxy.passed = 1
        with pytest.raises(RegistryError, match="did not answer"):
            case.promote(bundle, "1")
        proxy.server = serve()
        assert current_aliases(client, NAME) == {"challenger": "1"}
        assert case.promote(bundle, "1").promoted
        assert current_aliases(client, NAME) == {"challenger": "1", "champion": "1"}
        assert [made["kind"] for made in decisions(registry.versions(client, NAME))] == ["own checks", "gate"]
        (run,) = client.search_runs([client.get_experiment_by_name(NAME).experiment_id])
        assert run.info.status == "FINISHED"
        assert len(client.search_logged_models([run.info.experiment_id])) == 1
    finally:
        proxy.shutdown()
        proxy.server_close()
        for server in servers:
            kill_run(server)
