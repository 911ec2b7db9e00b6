"""Promotion: a challenger becomes champion only when its figures allow it, and the reason is said."""

import math
from dataclasses import dataclass

from kws_core.config import GateConfig
from kws_core.errors import EvaluationError

PRIMARY = "in_vocabulary.frr_at_far_2"
PRIMARY_OF_ENROLMENT = "out_of_vocabulary.frr_at_far_2"
"""Words that are enrolled by example are none that the encoder was trained on."""
# Differences of shares are compared to this precision: 0.90 - 0.89 is a little more than 0.01 in floating point.
PRECISION = 1e-9


@dataclass(frozen=True)
class Decision:
    """The gate's answer; `reason` names the figure that decided."""

    promoted: bool
    reason: str


def decide_promotion(
    challenger: dict[str, float],
    champion: dict[str, float] | None,
    backend: str | None,
    gate: GateConfig,
    champion_backend: str | None = None,
) -> Decision:
    """Compare figures measured on the same trials and segments.

    Args:
        challenger: `SystemEvaluation.metrics()` of the new model.
        champion: the same of the model in service; None when there is none.
        backend: the back end whose accuracies count; None for an encoder without keywords, which is judged by trials of
            words that it was not trained on.
        gate: the limits.
        champion_backend: the back end that the champion decides with, where it is another one.

    Raises:
        EvaluationError: a figure that the gate needs was not measured.
    """
    primary = PRIMARY_OF_ENROLMENT if backend is None else PRIMARY
    accuracies = (
        {}
        if backend is None
        else {
            f"{backend}.target_accuracy": gate.min_target_accuracy,
            f"{backend}.non_target_accuracy": gate.min_non_target_accuracy,
        }
    )
    figures = _Figures(challenger)
    if champion is None:
        return _absolute(figures, primary, accuracies, gate)
    served = _Figures(champion)
    own = champion_backend or backend
    limits = {primary: gate.frr_margin, **dict.fromkeys(accuracies, gate.accuracy_margin)}
    for name, margin in limits.items():
        before = served[name if name == primary else name.replace(f"{backend}.", f"{own}.")]
        loss = figures[name] - before if name == primary else before - figures[name]
        if loss > margin + PRECISION:
            return Decision(
                False,
                f"{_say(name, figures[name])} is worse than the champion's {before:.2%} "
                f"by {loss:.2%}, {margin:.2%} is allowed",
            )
    return Decision(
        True,
        f"{_say(primary, figures[primary])} against the champion's {served[primary]:.2%}"
        + (f", and neither accuracy is worse by more than {gate.accuracy_margin:.2%}" if accuracies else ""),
    )


def _absolute(figures: "_Figures", primary: str, accuracies: dict[str, float], gate: GateConfig) -> Decision:
    if figures[primary] > gate.max_frr:
        return Decision(False, f"{_say(primary, figures[primary])}; without a champion at most {gate.max_frr:.0%} pass")
    for name, least in accuracies.items():
        if figures[name] < least:
            return Decision(False, f"{_say(name, figures[name])}; without a champion at least {least:.0%} pass")
    return Decision(True, f"there was no champion, and {_say(primary, figures[primary])} is within {gate.max_frr:.0%}")


def _say(name: str, value: float) -> str:
    named = {
        PRIMARY: "FRR at FAR 2 % on in-vocabulary trials",
        PRIMARY_OF_ENROLMENT: "FRR at FAR 2 % on out-of-vocabulary trials",
    }.get(name, name.replace(".", " ").replace("_", " "))
    return f"{named} {value:.2%}"


class _Figures:
    def __init__(self, figures: dict[str, float]) -> None:
        self._figures = figures

    def __getitem__(self, name: str) -> float:
        if name not in self._figures:
            raise EvaluationError(f"the gate needs {name}, which was not measured: too few speakers share words")
        if math.isnan(self._figures[name]):
            raise EvaluationError(f"the gate needs {name}, which is not a number")
        return self._figures[name]
