"""The table at the end of a retrain."""

from rich.table import Table

from flows.retrain import RetrainResult
from kws_core.config import Experiment
from tasks.console import console
from tasks.package import fetch_bundle
from tasks.places import Places


def print_summary(places: Places, experiment: Experiment, result: RetrainResult) -> None:
    """Print what was delivered, how good it is and where it lies."""
    bundle = fetch_bundle(places, result.bundle_key)
    table = Table(
        box=None, show_header=False, title=f"{experiment.name} version {result.version}", title_justify="left"
    )
    for name, value in bundle.description.metrics.items():
        table.add_row(name.replace("_", " ").replace(".", ": "), f"{value:.2%}")
    table.add_row("promoted" if result.decision.promoted else "not promoted", result.decision.reason)
    table.add_row("bundle", str(bundle.folder))
    table.add_row("registry", places.tracking_uri)
    table.add_row("report", result.report)
    console.print(table)
