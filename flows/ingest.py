"""`kws ingest`: a dated drop of recordings as one Prefect flow."""

from prefect import flow

from kws_core.config.drop import DropConfig
from tasks.add_drop import AddedDrop, add_drop
from tasks.announce_drop import announce_drop
from tasks.places import Places


@flow(name="ingest", validate_parameters=False, persist_result=False)
def ingest_drop(places: Places, config: DropConfig) -> AddedDrop:
    """Recordings to a drop of a corpus; what exists is not computed again. A new drop is an event of Prefect."""
    added = add_drop(places, config)
    announce_drop(places, config, added)
    return added
