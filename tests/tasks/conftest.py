"""A local Ray for the tests of a file."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def local_ray() -> Iterator[Any]:
    """The `ray` module, connected to a Ray of this file's own, whatever cluster the environment names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        # workers give way to all else: on a machine with other work they would hardly run
        patch.setenv("RAY_worker_niceness", "0")
        from tasks.cluster import connect

        ray = connect()
        yield ray
        ray.shutdown()
