"""A folder that goes when nothing uses it any more."""

import shutil
import tempfile
import weakref
from pathlib import Path


class TemporaryFolder:
    """An empty folder that is removed with this object, or at the end of the process; no warning is given then."""

    def __init__(self) -> None:
        """Make it among the system's temporary folders."""
        self.path = Path(tempfile.mkdtemp(prefix="kws-"))
        weakref.finalize(self, shutil.rmtree, self.path, True)
