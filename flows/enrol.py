"""`kws enrol`: a keyword added to a bundle by recordings of it."""

import datetime
from pathlib import Path

import typer

from flows.spot import UNIVERSAL, open_bundle
from kws_core.bundle import DESCRIPTION, FILES, OperatingPoint
from kws_core.enrolment import FAR, enrol
from kws_core.enrolment_recordings import read_examples
from kws_core.errors import ConfigError

RECORDINGS = (".wav", ".flac", ".ogg", ".mp3")


def enrol_keyword(
    keyword: str,
    recordings: list[Path],
    bundle: str,
    out: Path,
    far: float | None,
    max_false_alarms_per_hour: float | None,
    without: list[Path],
    replace: bool,
    tracking_uri: str,
    speakers: list[str],
    date: str | None,
) -> None:
    """Write a bundle with the keyword added, and print what was learnt and how to use it.

    Raises:
        ConfigError: the folder exists and is not the bundle that the keyword is added to.
    """
    adds_to = bundle != UNIVERSAL and Path(bundle).resolve() == out.resolve()
    if out.exists() and not adds_to:
        raise ConfigError(f"{out}: exists already; give --bundle {out} to add to it, or another folder with --out")
    _check_only_a_bundle(out)
    if far is None and max_false_alarms_per_hour is None:
        far = FAR
    _check_date(date)
    examples = read_examples(recordings)
    others = read_examples([file for path in without for file in _files(path)])
    with open_bundle(bundle, tracking_uri) as opened:
        enrolled = enrol(
            opened,
            {keyword: examples},
            far,
            replace,
            max_false_alarms_per_hour=max_false_alarms_per_hour,
            without=others,
            speakers=speakers,
            date=date,
        )
        written = enrolled.write(out)
    (origin,) = enrolled.origins
    point = origin.operating_point
    agreement = "" if origin.least_cosine is None else f", least agreement {origin.least_cosine:.3f}"
    typer.echo(
        f"{keyword}: {len(examples)} example{'s' if len(examples) > 1 else ''}{agreement}; "
        f"threshold {enrolled.thresholds[0]:.3f}, {_wish(point)}"
    )
    if point.shortage:
        typer.echo(f"{keyword}: {point.shortage}")
    for warning in enrolled.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{out}: {', '.join(written.description.keywords)}; try kws spot RECORDING --model {out}")


def _files(path: Path) -> list[Path]:
    """A recording, or all recordings of a folder and those below it; raises `ConfigError` for a folder without any."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in RECORDINGS)
    if not files:
        raise ConfigError(f"{path}: no recordings there ({', '.join(RECORDINGS)} are looked for)")
    return files


def _wish(point: OperatingPoint) -> str:
    if point.far is not None:
        return f"FAR {point.far:g} on {point.non_target_segments} other segments by {point.speakers} speakers"
    if point.hours is None:
        return (
            f"{point.max_false_alarms_per_hour:g} false alarms an hour by {point.non_target_segments} other segments "
            f"of {point.speakers} speakers"
        )
    return (
        f"at most {point.max_false_alarms_per_hour:g} false alarms an hour in {point.hours or 0:.2g} h of "
        f"{point.recordings} recordings"
    )


def _check_date(date: str | None) -> None:
    if date is not None:
        try:
            datetime.date.fromisoformat(date)
        except ValueError as error:
            raise ConfigError(f"--date {date!r} is no date; YYYY-MM-DD is accepted") from error


def _check_only_a_bundle(folder: Path) -> None:
    """Raise `ConfigError` when the folder holds a file that replacing its bundle would delete."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if name not in (*FILES, DESCRIPTION):
            raise ConfigError(
                f"{folder}: holds {name}, which is no file of a bundle; move it away or choose another --out"
            )
