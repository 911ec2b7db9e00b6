"""`kws evaluate` and `kws compare`: systems on the same trials, of an experiment or of a user's recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from flows.candidates import open_candidates
from kws_core.atomic_file import write_atomically
from kws_core.config import Experiment, SelectionConfig
from kws_core.evaluation.candidate import Candidate
from kws_core.evaluation.recordings import RecordedTrials, read_recordings
from kws_core.report.comparison import ComparedSystem, comparison_page, systems_table, table_text
from kws_core.report.data import ReportTable
from kws_core.report.evaluated import evaluation_page, evaluation_text
from kws_core.report.tables import rejections_table
from tasks.private_prefect import PrivatePrefect

if TYPE_CHECKING:
    from tasks.places import Places

Policy = Literal["cross", "any"]


def evaluate_on_recordings(model: str, against: str, table: Path, out: Path, policy: Policy, tracking_uri: str) -> None:
    """Write the page of a model on the recordings that a TSV names, and print its figures."""
    from tasks.evaluate_recordings import evaluate_recordings, trials_fingerprint

    with open_candidates([model, *([against] if against else [])], tracking_uri) as candidates:
        trials = _recordings(table, candidates[0], policy)
        facts = evaluate_recordings(trials, candidates[0], candidates[1] if against else None)
        fingerprints = {"recordings": trials_fingerprint(trials), **_fingerprints(candidates)}
    more = _rejected(trials)
    _write(out, evaluation_page(trials.name, facts, fingerprints, more), evaluation_text(facts))


def compare_on_recordings(models: Sequence[str], table: Path, out: Path, policy: Policy, tracking_uri: str) -> None:
    """Write the page of several systems on the recordings that a TSV names, and print their figures."""
    from tasks.evaluate_recordings import compare_recordings, trials_fingerprint

    with open_candidates(models, tracking_uri) as candidates:
        trials = _recordings(table, candidates[0], policy)
        systems = compare_recordings(trials, candidates)
        fingerprints = {"recordings": trials_fingerprint(trials), **_fingerprints(candidates)}
    more = _rejected(trials)
    _write_comparison(out, trials.name, systems, fingerprints, more)


def evaluate_on_experiment(
    model: str, against: str, places: "Places", experiment: Experiment, out: Path, tracking_uri: str
) -> None:
    """Write the page of a model on the trials of an experiment, and print its figures."""
    server = PrivatePrefect()
    from flows.evaluate_experiment import evaluate

    server.wait()
    with open_candidates([model, *([against] if against else [])], tracking_uri or places.tracking_uri) as candidates:
        facts, fingerprints = evaluate(places, experiment, candidates, out)
        fingerprints |= _fingerprints(candidates)
    _write(out, evaluation_page(experiment.name, facts, fingerprints), evaluation_text(facts))


def compare_on_experiment(
    models: Sequence[str], places: "Places", experiment: Experiment, out: Path, tracking_uri: str
) -> None:
    """Write the page of several systems on the trials of an experiment, and print their figures."""
    server = PrivatePrefect()
    from flows.evaluate_experiment import compare

    server.wait()
    with open_candidates(models, tracking_uri or places.tracking_uri) as candidates:
        systems, fingerprints = compare(places, experiment, candidates, out)
        fingerprints |= _fingerprints(candidates)
    _write_comparison(out, experiment.name, systems, fingerprints)


def _recordings(table: Path, first: Candidate, policy: Policy) -> RecordedTrials:
    keywords = first.keywords
    return read_recordings(table, keywords, SelectionConfig(keywords=keywords, speaker_policy=policy))


def _fingerprints(candidates: Sequence[Candidate]) -> dict[str, str]:
    return {
        f"bundle {candidate.name}": candidate.bundle.fingerprint
        for candidate in candidates
        if candidate.bundle is not None
    }


def _write(out: Path, page: str, text: str) -> None:
    write_atomically(out, page.encode())
    typer.echo(f"{text}\n{out}")


def _write_comparison(
    out: Path,
    name: str,
    systems: Sequence[ComparedSystem],
    fingerprints: dict[str, str],
    more: Sequence[ReportTable] = (),
) -> None:
    title = f"{', '.join(system.judged.name for system in systems)} on {name}"
    _write(out, comparison_page(title, systems, fingerprints, more), table_text(systems_table(systems)))


def _rejected(trials: RecordedTrials) -> tuple[ReportTable, ...]:
    """What was left out, on the page; how much, on standard error."""
    rows = trials.rejected.num_rows
    if not rows:
        return ()
    typer.echo(f"{rows} of {rows + trials.selection.num_rows} recordings are left out; the page says why", err=True)
    return (rejections_table(trials.rejected, "These rows of the list are in none of the figures."),)
