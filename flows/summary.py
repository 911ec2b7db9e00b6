"""The table at the end of a retrain."""

from rich.table import Table

from flows.retrain import RetrainResult
from kws_core.config import Experiment
from kws_core.evaluation.system import SystemEvaluation
from kws_core.gate import Decision
from kws_core.report.numbers import count, percent
from tasks.console import show
from tasks.package import fetch_bundle
from tasks.places import Places


def print_summary(places: Places, experiment: Experiment, result: RetrainResult) -> None:
    """Print what was delivered, how good it is and where it lies."""
    bundle = fetch_bundle(places, result.bundle_key)
    show(_figures(result.evaluation))
    if result.decision.checks:
        show(_checks(result.decision))
    verdict = "[green]promoted[/green]" if result.decision.promoted else "[yellow]not promoted[/yellow]"
    lines = {
        f"{experiment.name} {result.version}": f"{verdict}: {result.decision.reason}",
        "bundle": str(bundle.folder),
        "registry": places.tracking_uri,
        "report": result.report,
    }
    for name, text in lines.items():
        show(f"[bold]{name:<12}[/bold] {text}")


def _figures(evaluation: SystemEvaluation) -> Table:
    table = Table("measured on test speakers", "", "95 % interval", "of", box=None, padding=(0, 2, 0, 0))
    for trial in evaluation.trials:
        of = f"{count(trial.trials)} pairs, {trial.speakers} speakers"
        table.add_row(f"{trial.test_set}: EER", *_estimate(trial.eer, trial.eer_low, trial.eer_high), of)
        frr = _estimate(trial.frr_at_far_2, trial.frr_low, trial.frr_high)
        table.add_row(f"{trial.test_set}: FRR at FAR 2 %", *frr, of)
    for summary in evaluation.detection:
        for name in ("target", "non_target", "unseen_non_target"):
            figure = getattr(summary, name)
            of = f"{count(figure.count)} segments, {summary.speakers} speakers"
            label = f"{summary.backend}: {name.replace('_', ' ')} accuracy"
            table.add_row(label, *_estimate(figure.value, figure.low, figure.high), of)
    return table


def _checks(decision: Decision) -> Table:
    """Every check of the gate; the one that decided is marked."""
    table = Table("gate", "", "champion", "difference", "verdict", box=None, padding=(0, 2, 0, 0))
    for check in decision.checks:
        value, champion, difference = check.shown()
        verdict = f"[red]{check.verdict}[/red]" if check.verdict == "failed" else check.verdict
        decided = ", decided" if check.figure == decision.decided_by else ""
        table.add_row(check.figure, value, champion, difference.replace("[", r"\["), verdict + decided)
    return table


def _estimate(value: float, low: float, high: float) -> tuple[str, str]:
    """A share and its interval as two cells."""
    shown, _, bounds = percent(value, low, high).partition(" [")
    return shown, f"[{bounds}".replace("[", r"\[") if bounds else ""
