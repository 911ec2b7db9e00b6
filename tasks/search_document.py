"""What the trials of a search come to: the document that ranks them."""

import math
from typing import Any

from kws_core.config import Experiment
from tasks.cluster import cause
from tasks.search_space import drawn_trial
from tasks.search_trial import FAILURE, FIGURES, HISTORY, METRIC


def ranked_document(trials: list[dict[str, Any]], failed: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """The document of a search: `trials`, best first, `failed` ones and the `seconds` it took."""
    return {"trials": sorted(trials, key=_rank), "failed": failed, "seconds": round(seconds, 1)}


def tuned_document(results: Any, experiment: Experiment) -> dict[str, Any]:
    """The document of Tune's results."""
    trials, failed = [], []
    spans: list[tuple[float, float]] = []
    # a result without metrics does not know its values; the trial it is of does
    configs = [trial.config for trial in results._experiment_analysis.trials]
    for number, (result, config) in enumerate(zip(results, configs, strict=True)):
        metrics = result.metrics or {}
        named = {"number": number, **drawn_trial(experiment, config)}
        if "timestamp" in metrics:
            spans.append((metrics["timestamp"] - metrics["time_total_s"], metrics["timestamp"]))
        if result.error is not None:
            failed.append({**named, "error": sentence(result.error), "history": metrics.get(HISTORY, [])})
        elif FAILURE in metrics:
            failed.append({**named, "error": metrics[FAILURE], "history": metrics[HISTORY]})
        else:
            figures = {name: metrics[name] for name in FIGURES}
            trials.append({**named, **figures, "state": state(metrics, experiment), "history": metrics[HISTORY]})
    seconds = max(end for _, end in spans) - min(begin for begin, _ in spans) if spans else 0.0
    return ranked_document(trials, failed, seconds)


def state(figures: dict[str, Any], experiment: Experiment) -> str:
    """Whether a trial is `finished`, or was `stopped` early."""
    return "finished" if figures["epoch"] >= experiment.search.max_epochs else "stopped"


def cost(figures: dict[str, Any]) -> tuple[float, float]:
    """What trials are ranked by; a figure that was not measured (None or NaN) is the worst there is."""
    eer, frr = (
        math.inf if figures[name] is None or math.isnan(figures[name]) else float(figures[name])
        for name in (METRIC, "development_frr")
    )
    return eer, frr


def sentence(error: BaseException) -> str:
    """What an error says, without Ray's traceback."""
    inner = cause(error) if isinstance(error, Exception) else error
    lines = str(inner).strip().splitlines()
    return lines[-1].strip() if lines else type(inner).__name__


def _rank(trial: dict[str, Any]) -> tuple[float, float, int]:
    return *cost(trial), -trial["epoch"]
