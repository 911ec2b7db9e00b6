"""The alignment gate: aligned words that are outliers of their corpus are found, and named with the reason.

It is an index over segments, as the selection is: a new drop of recordings moves thresholds and recuts nothing.
Jung et al. 2022 found the filtering of bad alignments decisive for words cut from sentences.
"""

from kws_core.alignment_gate.examples import GateExample, choose_examples, read_examples
from kws_core.alignment_gate.gate import GATE_COLUMNS, GateOutcome, judge_alignments, read_measures
from kws_core.alignment_gate.measures import MEASURES, Measure
from kws_core.alignment_gate.thresholds import Threshold

__all__ = [
    "GATE_COLUMNS",
    "MEASURES",
    "GateExample",
    "GateOutcome",
    "Measure",
    "Threshold",
    "choose_examples",
    "judge_alignments",
    "read_examples",
    "read_measures",
]
