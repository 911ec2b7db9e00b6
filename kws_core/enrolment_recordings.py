"""Enrolment as a program calls it: recordings in memory or in files, and a bundle in a folder as the result."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import decode_file, pcm16_to_float
from kws_core.bundle import Bundle
from kws_core.enrolment import FAR, enrol
from kws_core.enrolment_example import Example

Recording = NDArray[np.float32] | str | Path
"""Samples `[n]`, 16 kHz mono, full scale 1, or the path of a file of any common format."""


def enrol_recordings(
    bundle: Bundle,
    keyword: str,
    recordings: Sequence[Recording],
    folder: str | Path,
    *,
    far: float | None = None,
    max_false_alarms_per_hour: float | None = None,
    without: Sequence[Recording] = (),
    replace: bool = False,
    speakers: Sequence[str] = (),
    date: str | None = None,
) -> tuple[Bundle, tuple[str, ...]]:
    """Write a bundle with one more keyword to `folder`, and tell what its user should know.

    See `kws_core.enrolment.enrol` for the arguments; FAR 0.001 is meant where no wish is stated.

    Raises:
        AudioError, BundleError, ConfigError: as `enrol` and `EnrolledKeywords.write` do.
    """
    if far is None and max_false_alarms_per_hour is None:
        far = FAR
    enrolled = enrol(
        bundle,
        {keyword: read_examples(recordings)},
        far,
        replace,
        max_false_alarms_per_hour=max_false_alarms_per_hour,
        without=read_examples(without),
        speakers=speakers,
        date=date,
    )
    return enrolled.write(Path(folder)), enrolled.warnings


def read_examples(recordings: Sequence[Recording]) -> list[Example]:
    """Decode what is a path; what is in memory is called "recording 2" in errors."""
    examples = []
    for number, recording in enumerate(recordings, start=1):
        if isinstance(recording, str | Path):
            examples.append(Example(str(recording), pcm16_to_float(decode_file(Path(recording)))))
        else:
            examples.append(Example(f"recording {number}", np.asarray(recording, np.float32)))
    return examples
