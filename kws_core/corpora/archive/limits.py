"""What an archive may hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExtractionLimits:
    """Limits that are counted while reading; what an archive says of itself is not believed."""

    total_bytes: int = 2**40
    """All files together."""
    member_bytes: int = 2**36
    """One file."""
    members: int = 20_000_000
    """Files and folders."""
    ratio: float = 200.0
    """Unpacked bytes for each packed one, once `ratio_from_bytes` are unpacked."""
    ratio_from_bytes: int = 2**26
