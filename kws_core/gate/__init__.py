"""Promotion: a challenger becomes champion only when its figures allow it, and the figure that decided is named.

minima.py      what every version must reach, whoever is in service
champion.py    the challenger against the champion, on the same trials, segments and streams
evidence.py    what the two did there, paired
decision.py    checks and the decision that they add up to
"""

from kws_core.gate.champion import check_against_champion
from kws_core.gate.decision import Check, Decision, decide
from kws_core.gate.evidence import Evidence, gather_evidence
from kws_core.gate.minima import PRIMARY, PRIMARY_OF_ENROLMENT, check_minima

__all__ = [
    "PRIMARY",
    "PRIMARY_OF_ENROLMENT",
    "Check",
    "Decision",
    "Evidence",
    "check_against_champion",
    "check_minima",
    "decide",
    "gather_evidence",
]
