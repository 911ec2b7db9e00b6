"""What the parts of a corpus hold, without the audio: small enough to compare every drop with all before it."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from kws_core.errors import SchemaError
from kws_core.manifest import Part
from kws_core.part import PartOutput
from kws_core.read_ahead import map_ahead
from kws_core.schemas import QUARANTINE
from kws_core.store import PARTS_AT_ONCE, Store

STAGE = "inventory"

INVENTORY = pa.schema(
    [
        ("utterance_id", pa.string()),
        ("audio_md5", pa.string()),  # of the samples
        ("speaker_id", pa.string()),
        ("duration_s", pa.float64()),
        ("source", pa.string()),
        ("licence", pa.string()),
    ]
)

# FLAC (RFC 9639): "fLaC", a block header of 4 bytes, STREAMINFO of 34 bytes whose last 16 are the MD5 of the samples
_MD5_BYTES = slice(26, 42)


def audio_md5(flac: bytes) -> str:
    """MD5 of the samples, in hexadecimal digits, as a FLAC file states it; raises `SchemaError` where it is no FLAC."""
    if flac[:4] != b"fLaC" or len(flac) < _MD5_BYTES.stop:
        raise SchemaError("column 'audio' of utterances holds something that is no FLAC")
    return flac[_MD5_BYTES].hex()


def inventory_part(utterances: pa.Table) -> PartOutput:
    """The inventory of a part of utterances, one row each."""
    md5 = pa.array([audio_md5(flac.as_py()[: _MD5_BYTES.stop]) for flac in utterances["audio"]], pa.string())
    columns = {name: md5 if name == "audio_md5" else utterances[name] for name in INVENTORY.names}
    return PartOutput(pa.table(columns, schema=INVENTORY), QUARANTINE.empty_table())


def read_inventory(store: Store, stage: str, part: Part) -> pa.Table:
    """Read the inventory of a part of utterances; one that has none yet, from an older store, gets it now."""
    if not store.has_part(STAGE, part.key):
        columns = ["audio", *(name for name in INVENTORY.names if name != "audio_md5")]
        made = inventory_part(store.read_part(stage, part, columns))
        store.write_part(STAGE, part.key, part.corpus, made)
        return made.table
    return store.read_part(STAGE, store.part(STAGE, part.key))


def read_inventories(store: Store, stage: str, parts: Iterable[Part]) -> Iterator[pa.Table]:
    """Read the inventories of parts of utterances in their order, several at a time."""
    return map_ahead(lambda part: read_inventory(store, stage, part), parts, PARTS_AT_ONCE)
