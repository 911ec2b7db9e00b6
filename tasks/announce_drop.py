"""A new drop as a Prefect event, which deployments can be triggered by."""

import os

from kws_core.config.drop import DropConfig
from tasks.add_drop import AddedDrop
from tasks.places import Places
from tasks.private_prefect import PRIVATE

EVENT = "kws.drop.added"
RESOURCE = "kws.corpus."


def announce_drop(places: Places, config: DropConfig, added: AddedDrop) -> bool:
    """Emit the event of a drop that was added; False where nothing was, or no server is there to hear of it."""
    if added.state != "added" or not os.environ.get("PREFECT_API_URL") or PRIVATE in os.environ:
        return False
    from prefect.events import emit_event

    resource = {"prefect.resource.id": f"{RESOURCE}{config.corpus}", "kws.store": places.store_url}
    drop = added.drop
    payload = {"drop": drop.id, "dataset": drop.dataset, "utterances": drop.utterances, "hours": drop.hours}
    return emit_event(EVENT, resource, payload=payload) is not None
