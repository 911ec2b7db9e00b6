"""From an address to what can be read there."""

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from kws_core.corpora.download.folder_source import FolderSource
from kws_core.corpora.download.redaction import redacted
from kws_core.corpora.download.remote_file import RemoteFile
from kws_core.corpora.download.source import Source
from kws_core.errors import CorpusError


def location_of(file: RemoteFile, mirror: str | Path | None) -> str:
    """Address that the file is taken from: its public one, or its name below the mirror (a folder or a URL)."""
    if mirror is None:
        return file.url
    if "://" not in str(mirror):
        return str(Path(mirror) / file.name)
    parts = urlsplit(str(mirror))
    # a signature (the query) belongs to the end of the address
    path = f"{parts.path.rstrip('/')}/{file.name if parts.scheme == 's3' else quote(file.name)}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def open_location(location: str, silence_s: float) -> Source:
    """Return the source behind an address or local path.

    Raises:
        CorpusError: an address of another kind.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        return FolderSource(Path(location))
    # imported here: workers that download nothing start without an HTTP client
    if scheme in ("https", "http"):
        from kws_core.corpora.download.http_source import HttpSource

        return HttpSource(location, silence_s)
    if scheme == "s3":
        from kws_core.corpora.download.s3_source import S3Source

        return S3Source(location)
    if scheme == "file" and urlsplit(location).netloc in ("", "localhost"):
        return FolderSource(Path(unquote(urlsplit(location).path)))
    raise CorpusError(f"{redacted(location)} cannot be read; https, http, s3, file:// and folders are accepted")
