"""URLs that may be shown: without the secrets that they carry."""

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")


def redacted(text: str) -> str:
    """Return the text with `***` for user names, passwords and query values of every URL in it."""
    return _URL.sub(lambda match: _redacted_url(match[0]), text)


def _redacted_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an unclosed IPv6 bracket: nothing in it can be told apart
        return f"{url.split('://')[0]}://***"
    host = parts.netloc.rpartition("@")
    netloc = f"***@{host[2]}" if host[1] else host[2]
    query = "&".join(
        f"{field.split('=')[0]}=***" if "=" in field else "***" for field in parts.query.split("&") if field
    )
    return urlunsplit((parts.scheme, netloc, parts.path, query, "***" if parts.fragment else ""))
