"""The deployment `promote`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.deployments.parameters import Name, Reason, StoreUrl, TrackingUri, described
from flows.moves import move
from tasks.promote_by_hand import promote_by_hand


@flow(name="promote", persist_result=False)
@described
def promote(
    name: Name,
    version: Annotated[str, Field(pattern=r"^[0-9]+$", description="The number of the version.")],
    reason: Reason,
    force: Annotated[bool, Field(description="Also a version that failed its checks or the gate.")] = False,
    tracking_uri: TrackingUri = "",
    store: StoreUrl = "",
) -> None:
    """Put a version into service by hand; the former champion becomes `previous`."""
    move(name, tracking_uri, store, lambda client: promote_by_hand(client, name, version, reason, force))
