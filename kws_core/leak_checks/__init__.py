"""Leak checks: whether a test holds what training has heard, or calls a keyword a non-target.

Each check is one file with one function that returns a `Leak` or None; `refuse_leaks` stops the run.
"""

from kws_core.leak_checks.audio import find_repeated_audio
from kws_core.leak_checks.labels import find_hidden_keywords, plain_label
from kws_core.leak_checks.leak import Leak, refuse_leaks
from kws_core.leak_checks.neighbours import MOST_COMPARED, Neighbours, find_same_sounds, nearest, sounding_alike
from kws_core.leak_checks.scores import find_keywords_by_score
from kws_core.leak_checks.speakers import find_shared_speakers
from kws_core.leak_checks.unseen_words import find_trained_words
from kws_core.leak_checks.voices import find_shared_voices, synthetic_voice

__all__ = [
    "MOST_COMPARED",
    "Leak",
    "Neighbours",
    "find_hidden_keywords",
    "find_keywords_by_score",
    "find_repeated_audio",
    "find_same_sounds",
    "find_shared_speakers",
    "find_shared_voices",
    "find_trained_words",
    "nearest",
    "plain_label",
    "refuse_leaks",
    "sounding_alike",
    "synthetic_voice",
]
