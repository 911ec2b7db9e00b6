"""What every version must reach before it may challenge anyone."""

import math

from kws_core.config import GateConfig
from kws_core.errors import EvaluationError
from kws_core.gate.decision import PRECISION, Check, CheckVerdict

PRIMARY = "in_vocabulary.frr_at_far_2"
PRIMARY_OF_ENROLMENT = "out_of_vocabulary.frr_at_far_2"
"""Words that are enrolled by example are none that the encoder was trained on."""


def check_minima(figures: dict[str, float], backend: str | None, gate: GateConfig) -> tuple[Check, ...]:
    """Hold figures against the absolute limits; the primary one comes first.

    Args:
        figures: `SystemEvaluation.metrics()`, with those on streams where there are any.
        backend: the back end that decides; None for an encoder without keywords, which is judged by trials of words
            that it was not trained on.
        gate: the limits.

    Raises:
        EvaluationError: a figure that is needed was not measured.
    """
    if backend is None:
        trials, name = "out-of-vocabulary", PRIMARY_OF_ENROLMENT
    else:
        trials, name = "in-vocabulary", PRIMARY
    checks = [_at_most(f"FRR at FAR 2 % on {trials} trials", _figure(figures, name), gate.max_frr)]
    if backend is not None:
        for kind, least in (
            ("target_accuracy", gate.min_target_accuracy),
            ("non_target_accuracy", gate.min_non_target_accuracy),
        ):
            said = f"{backend} {kind.replace('_', ' ')}".replace("non target", "non-target")
            checks.append(_at_least(said, _figure(figures, f"{backend}.{kind}"), least))
    return tuple(checks)


def _at_most(figure: str, value: float, most: float) -> Check:
    verdict: CheckVerdict = "failed" if value > most + PRECISION else "passed"
    return Check(figure, verdict, value, limit=most, rule=f"at most {100 * most:g} % pass")


def _at_least(figure: str, value: float, least: float) -> Check:
    verdict: CheckVerdict = "failed" if value < least - PRECISION else "passed"
    return Check(figure, verdict, value, limit=least, rule=f"at least {100 * least:g} % pass")


def _figure(figures: dict[str, float], name: str) -> float:
    if name not in figures:
        raise EvaluationError(f"the gate needs {name}, which was not measured: too few speakers share words")
    if math.isnan(figures[name]):
        raise EvaluationError(f"the gate needs {name}, which is not a number")
    return figures[name]
