"""Names of archive members: what may become a path."""

import re
import unicodedata

_MOST_BYTES = 1024
_MOST_COMPONENT_BYTES = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def member_parts(raw: str) -> tuple[str, ...]:
    """Split a member's name into folders and file; empty for the archive's root.

    Raises:
        ValueError: with the reason, when the name is absolute, leaves the target, or is no portable name.
    """
    if _CONTROL.search(raw):
        raise ValueError("its name holds a NUL or control character")
    if "\\" in raw:
        raise ValueError("its name holds a backslash")
    if raw.startswith("/"):
        raise ValueError("its name is absolute")
    if re.match(r"[A-Za-z]:", raw):
        raise ValueError("its name starts with a drive letter")
    try:
        encoded = raw.encode()
    except UnicodeEncodeError:
        raise ValueError("its name is not UTF-8") from None
    parts = tuple(part for part in raw.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError("its name holds '..'")
    if len(encoded) > _MOST_BYTES:
        raise ValueError(f"its name has {len(encoded)} bytes; {_MOST_BYTES} are accepted")
    if any(len(part.encode()) > _MOST_COMPONENT_BYTES for part in parts):
        raise ValueError(f"a part of its name is longer than {_MOST_COMPONENT_BYTES} bytes")
    return parts


def is_macos_metadata(parts: tuple[str, ...]) -> bool:
    """Tell whether a member is what macOS adds to archives: `__MACOSX`, resource forks, folder views."""
    return "__MACOSX" in parts[:1] or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def caseless(part: str) -> str:
    """Form that is equal for names that some file systems take for the same: case and Unicode normalisation."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", part).casefold())
