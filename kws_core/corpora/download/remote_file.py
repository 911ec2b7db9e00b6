"""One file to download."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from kws_core.corpora.download.redaction import redacted
from kws_core.errors import CorpusError


@dataclass(frozen=True)
class RemoteFile:
    """Where a file is published and what is known of it.

    Args:
        url: public address (`https://`, `http://`, `s3://` or `file://`).
        sha256, md5: published checksums in hex; where neither is, the first download's sha256 is recorded and holds.
        size_bytes: published size.
        name: name of the local file; by default the last part of the address.

    Raises:
        CorpusError: the name is no plain file name, or a checksum or size is malformed.
    """

    url: str
    sha256: str | None = None
    md5: str | None = None
    size_bytes: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", unquote(urlsplit(self.url).path.rpartition("/")[2]))
        if self.name in ("", ".", "..") or re.search(r"[/\\\x00-\x1f]", self.name):
            raise CorpusError(
                f"{redacted(self.url)}: {self.name!r} cannot name a local file; give it a plain file name"
            )
        for kind, digest, digits in (("sha256", self.sha256, 64), ("md5", self.md5, 32)):
            if digest is not None and not re.fullmatch(f"[0-9a-f]{{{digits}}}", digest):
                raise CorpusError(f"{self.name}: {kind} {digest!r} is not {digits} lower-case hex digits")
        if self.size_bytes is not None and self.size_bytes < 0:
            raise CorpusError(f"{self.name}: a size of {self.size_bytes} bytes; 0 or more are accepted")
