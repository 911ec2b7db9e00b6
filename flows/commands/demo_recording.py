"""`kws demo-recording`."""

from pathlib import Path
from typing import Annotated

import typer


def demo_recording(
    path: Annotated[Path, typer.Argument(help="The WAV file to write.")],
    seed: Annotated[int, typer.Option(help="Another seed, another recording.")] = 0,
) -> None:
    """Write a recording by a synthetic voice that no demo corpus holds, to try `kws spot` on."""
    from flows.demo_recording import write_demo_recording

    write_demo_recording(path, seed)
