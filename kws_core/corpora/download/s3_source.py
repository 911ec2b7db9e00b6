"""Objects on S3, resumed by offset."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import fsspec

from kws_core.corpora.download.source import Answer, TransientError
from kws_core.errors import CorpusError

_CHUNK_BYTES = 4 * 2**20


class S3Source:
    """One `s3://bucket/key` object; endpoint and credentials come from the usual AWS variables."""

    def __init__(self, url: str) -> None:
        """Keep the address; nothing is opened yet."""
        self._url = url
        self._key = url.removeprefix("s3://")
        if not all(self._key.partition("/")[::2]):
            raise CorpusError(f"{url} names no object; s3://bucket/key is accepted")

    @contextmanager
    def open(self, offset: int, validator: str | None) -> Iterator[Answer]:
        """Request the object from `offset`; see `Source`."""
        exceptions = import_module("botocore.exceptions")
        try:
            filesystem = fsspec.filesystem("s3", use_listings_cache=False)
            details = filesystem.info(self._key)
            if details["type"] != "file":
                raise CorpusError(f"{self._url} is not an object")
            current = details.get("ETag")
            start = offset if validator in (None, current) and offset <= details["size"] else 0
            # the file asks for this ETag with each range: an object that changes meanwhile is an error, not a mixture
            with filesystem.open(self._key, "rb", cache_type="none") as file:
                file.seek(start)
                yield Answer(start, details["size"], current, _chunks(file))
        except FileNotFoundError:
            raise CorpusError(f"{self._url}: no such object") from None
        except PermissionError as error:
            raise CorpusError(f"{self._url}: access is refused: {error}") from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            raise CorpusError(f"{self._url}: {error}; set the AWS variables") from None
        except (OSError, exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise TransientError(str(error) or type(error).__name__) from None


def _chunks(file: Any) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
