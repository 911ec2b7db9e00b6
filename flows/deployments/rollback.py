"""The deployment `rollback`."""

from prefect import flow

from flows.deployments.parameters import Name, Reason, StoreUrl, TrackingUri, described
from flows.moves import move
from tasks.move import roll_back


@flow(name="rollback", persist_result=False)
@described
def rollback(name: Name, reason: Reason = "", tracking_uri: TrackingUri = "", store: StoreUrl = "") -> None:
    """Put the previous champion back into service."""
    move(name, tracking_uri, store, lambda client: roll_back(client, name, reason))
