"""Names of languages: two-letter codes of ISO 639-1 with or without a region, and three-letter codes."""

SEVERAL = "mul"
"""ISO 639-2 for several languages."""
_TWO_LETTERS = {
    "aze": "az",
    "chi": "zh",
    "cmn": "zh",
    "deu": "de",
    "eng": "en",
    "fra": "fr",
    "ger": "de",
    "spa": "es",
    "tur": "tr",
    "yue": "zh",
    "zho": "zh",
}


def primary_language(language: str) -> str:
    """The language without its region, in its two-letter code where it is known: `en` of `en-US`, `zh` of `cmn`."""
    primary = language.lower().replace("_", "-").split("-")[0]
    return _TWO_LETTERS.get(primary, primary)
