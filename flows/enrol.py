"""`kws enrol`: a keyword added to a bundle by recordings of it."""

from pathlib import Path

import typer

from flows.spot import UNIVERSAL, open_bundle
from kws_core.audio import decode_file, pcm16_to_float
from kws_core.bundle import DESCRIPTION, FILES
from kws_core.enrolment import enrol
from kws_core.enrolment_example import Example
from kws_core.errors import ConfigError


def enrol_keyword(
    keyword: str, recordings: list[Path], bundle: str, out: Path, far: float, replace: bool, tracking_uri: str
) -> None:
    """Write a bundle with the keyword added, and print what was learnt and how to use it.

    Raises:
        ConfigError: the folder exists and is not the bundle that the keyword is added to.
    """
    adds_to = bundle != UNIVERSAL and Path(bundle).resolve() == out.resolve()
    if out.exists() and not adds_to:
        raise ConfigError(f"{out}: exists already; give --bundle {out} to add to it, or another folder with --out")
    _check_only_a_bundle(out)
    examples = [Example(str(path), pcm16_to_float(decode_file(path))) for path in recordings]
    with open_bundle(bundle, tracking_uri) as opened:
        enrolled = enrol(opened, {keyword: examples}, far, replace)
        written = enrolled.write(out)
    (origin,) = enrolled.origins
    point = origin.operating_point
    agreement = "" if origin.least_cosine is None else f", least agreement {origin.least_cosine:.3f}"
    typer.echo(
        f"{keyword}: {len(examples)} example{'s' if len(examples) > 1 else ''}{agreement}; "
        f"threshold {enrolled.thresholds[0]:.3f}, FAR {point.far:g} on {point.non_target_segments} other segments "
        f"by {point.speakers} speakers"
    )
    typer.echo(f"{out}: {', '.join(written.description.keywords)}; try kws spot RECORDING --model {out}")


def _check_only_a_bundle(folder: Path) -> None:
    """Raise `ConfigError` when the folder holds a file that replacing its bundle would delete."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if name not in (*FILES, DESCRIPTION):
            raise ConfigError(
                f"{folder}: holds {name}, which is no file of a bundle; move it away or choose another --out"
            )
