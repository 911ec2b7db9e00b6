"""Files of the store whose SHA-256 is known: what is damaged is told, never used."""

from kws_core.errors import StoreError
from kws_core.fingerprint import sha256
from kws_core.store import Store


def read_checked(store: Store, kind: str, key: str, name: str, expected: str, made_by: str = "") -> bytes:
    """Read `objects/KIND/KEY/NAME`.

    Args:
        store: that has it.
        kind: of the object.
        key: of the object.
        name: of the file.
        expected: its SHA-256 in hexadecimal digits.
        made_by: the object of the store without which the file is made again; the file itself by default.

    Raises:
        StoreError: it is missing, or its SHA-256 is another one; the message says what to delete.
    """
    content = store.read_object(kind, key, name)
    if sha256(content) != expected:
        path = f"objects/{kind}/{key}/{name}"
        raise StoreError(
            f"{store.url}/{path} is damaged: its SHA-256 is not the one it was written with; "
            f"delete {store.url}/{made_by or path} and run again"
        )
    return content
