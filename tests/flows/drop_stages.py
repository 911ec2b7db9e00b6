"""A drop without a Prefect server: `python drop_stages.py STORE DROP TABLE`."""

import sys
from pathlib import Path

from flows.quiet import quieten

quieten()

from flows.drops import drop_config  # noqa: E402 - telemetry is off before anything else is imported
from tasks.add_drop import add_drop  # noqa: E402
from tasks.places import Places  # noqa: E402

if __name__ == "__main__":
    store, drop, table = sys.argv[1:]
    # parts of about one speaker
    settings = (f"path={table}", "ingest.part_bytes=60_000")
    add_drop.fn(Places.in_workspace(Path(store).parent, store), drop_config("ours", drop, "manifest", settings))
