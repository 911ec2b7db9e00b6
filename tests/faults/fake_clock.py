"""A clock that jumps under a process: libfaketime, told by a file (Debian: faketime)."""

from pathlib import Path

import pytest

LIBRARY = "libfaketimeMT.so.1"
FOLDERS = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime")
HOUR_S, DAY_S = 3600, 86400


class FakeClock:
    """The offset of the wall clock of all processes that have its environment; the monotonic clock goes on as it does.

    Skips the test where libfaketime is not installed.
    """

    def __init__(self, file: Path) -> None:
        found = [Path(folder) / LIBRARY for folder in FOLDERS if (Path(folder) / LIBRARY).exists()]
        if not found:
            pytest.skip("libfaketime is not installed (Debian: faketime)")
        self._library = found[0]
        self._file = file
        self.set(0)

    def set(self, offset_s: int) -> None:
        """Jump to so many seconds from the true time."""
        self._file.write_text(f"{offset_s:+d}s\n", encoding="utf-8")

    @property
    def env(self) -> dict[str, str]:
        """Environment of who lives by this clock."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
