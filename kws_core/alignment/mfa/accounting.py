"""What became of each utterance that went into a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kws_core.alignment.mfa.corpus_folder import PooledUtterance
from kws_core.alignment.mfa.output import (
    ANALYSIS,
    EXTENSIONS,
    FileAlignment,
    Interval,
    UtteranceAnalysis,
    read_alignment,
    read_analysis,
)
from kws_core.alignment.mfa.program import MfaRunError
from kws_core.alignment.word_rows import AlignedWord
from kws_core.errors import AlignmentError

UNKNOWN_PHONE = "spn"
"""The one phone of a word that is in no dictionary; MFA says nothing else of it."""


@dataclass(frozen=True)
class Accounted:
    """Either words, or a reason why there are none."""

    words: Mapping[int, AlignedWord]
    """Usable words by their position in the transcript."""
    unknown: Mapping[int, str]
    """Words in no dictionary by their position: MFA finds their places, but knows nothing of their sounds."""
    reason: str = ""


def account(utterances: Sequence[PooledUtterance], output: Path, output_format: str) -> dict[str, Accounted]:
    """What a run did with every utterance it was given, by utterance id: what went in is compared with what came out.

    Raises `MfaRunError` when the run left no table of scores, for then it did not end well.
    """
    try:
        analysis = read_analysis(output / ANALYSIS)
    except OSError as error:
        raise MfaRunError(f"it wrote no {ANALYSIS}") from error
    except AlignmentError as error:
        raise MfaRunError(str(error)) from error
    return {
        utterance.utterance_id: _account(utterance, analysis.get(utterance.name), output, output_format)
        for utterance in utterances
    }


def refused(reason: str) -> Accounted:
    """An utterance without words."""
    return Accounted({}, {}, reason)


def _account(
    utterance: PooledUtterance, analysis: UtteranceAnalysis | None, output: Path, output_format: str
) -> Accounted:
    path = utterance.output(output, EXTENSIONS[output_format])
    if not path.exists():
        if analysis is None:
            return refused("MFA left it out: neither an alignment nor a line of its analysis")
        return refused("MFA finds no path through the audio: the transcript is too far from it")
    if analysis is None or not analysis.aligned:
        return refused("MFA gives no scores for its alignment")
    try:
        found = read_alignment(path)
    except AlignmentError as error:
        return refused(str(error))
    groups = group_intervals(utterance.words, found.words)
    if groups is None:
        said = " ".join(interval.label for interval in found.words) or "nothing"
        return refused(f"MFA aligned {said!r}, which is not the transcript {' '.join(utterance.words)!r}")
    words: dict[int, AlignedWord] = {}
    unknown: dict[int, str] = {}
    for index, (word, group) in enumerate(zip(utterance.words, groups, strict=True)):
        start_s, end_s = group[0].start_s, min(group[-1].end_s, utterance.duration_s)
        if _is_unknown(found, start_s, end_s):
            unknown[index] = word
        else:
            score, deviation = analysis.speech_log_likelihood, analysis.phone_duration_deviation
            words[index] = AlignedWord(word, start_s, end_s, score, deviation)
    return Accounted(words, unknown)


def group_intervals(words: Sequence[str], intervals: Sequence[Interval]) -> list[list[Interval]] | None:
    """The intervals of each word, or None where they spell something else.

    MFA may split a word at hyphens and apostrophes: its pieces together are the word again.
    """
    groups: list[list[Interval]] = []
    rest = list(intervals)
    for word in words:
        wanted, spelled = _letters(word), ""
        group: list[Interval] = []
        while rest and spelled != wanted and wanted.startswith(spelled):
            group.append(rest.pop(0))
            spelled += _letters(group[-1].label)
        if spelled != wanted or not group:
            return None
        # what is left of a word after its last letter, such as a lone apostrophe
        while rest and not _letters(rest[0].label):
            group.append(rest.pop(0))
        groups.append(group)
    return None if rest else groups


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _is_unknown(found: FileAlignment, start_s: float, end_s: float) -> bool:
    inside = [phone.label for phone in found.phones if start_s <= (phone.start_s + phone.end_s) / 2 < end_s]
    return UNKNOWN_PHONE in inside
