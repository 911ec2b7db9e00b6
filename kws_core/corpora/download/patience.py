"""How long a download is tried."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Waits between tries; a try that brings the file further than any before starts the count again."""

    attempts: int = 6
    """Tries without a byte of progress before the download fails."""
    first_wait_s: float = 1.0
    """Wait after the first failure; it doubles with each further one."""
    longest_wait_s: float = 120.0
    """Limit of a wait; a server that asks for a longer one (`Retry-After`) ends the download."""
    silence_s: float = 60.0
    """A connection that brings nothing for so long has failed."""

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after so many tries in a row without progress (0: the last one brought some)."""
        return min(self.first_wait_s * 2.0 ** max(0, failures - 1), self.longest_wait_s)
