"""The doctor at the store: written, read back, and asked for the conditional puts that drops need."""

import time
import uuid
from collections.abc import Sequence

from kws_core.errors import StoreError
from kws_core.store import Store
from tasks.doctor import Finding
from tasks.doctor_machine import clock

FOLDER = "doctor"


def store(url: str) -> Sequence[Finding]:
    """Write an object, read it, write it again on condition that it is not there, and delete it."""
    if not url:
        advice = "name one by --store or --workspace, or set KWS_STORE"
        said = "none is named; retrains use runs/NAME/store"
        return [Finding(name="store", state="missing", said=said, advice=advice, needed=False)]
    files = Store(url).files
    name, content = f"{FOLDER}/{uuid.uuid4().hex}", uuid.uuid4().bytes
    try:
        before = time.time()
        first = files.create(name, content)
        after = time.time()
        try:
            read = files.read(name)
            second = files.create(name, content[::-1])
            written = files.details(FOLDER)[name].modified_s
        finally:
            files.remove([name])
    except StoreError as error:
        advice = "check the address, AWS_ENDPOINT_URL, the credentials, and the rights to read, write and delete there"
        return [Finding(name="store", state="wrong", said=str(error), advice=advice)]
    if read != content:
        said = f"{url} does not give back what was written"
        return [Finding(name="store", state="wrong", said=said, advice="use another store")]
    return [
        Finding(name="store", state="ok", said=f"{url}: written, read and deleted"),
        _conditional(first and not second),
        # no difference where the store's time lies within the request
        clock("the store's", before - written if written < before else min(after - written, 0.0)),
    ]


def _conditional(honoured: bool) -> Finding:
    if honoured:
        return Finding(name="conditional put", state="ok", said="of two writers of an object, the second is refused")
    return Finding(
        name="conditional put",
        state="wrong",
        said="the store overwrites an object that was to be created: two `kws ingest` at once could lose a drop",
        advice="use an S3 service that honours If-None-Match, or never run two `kws ingest` of a corpus at once",
    )
