"""Transcripts to words: language-aware normalisation as one documented step; the original is kept beside it.

`normalise(text, language)` does, in this order:

1. Unicode NFKC: full-width and compatibility characters become their plain forms, accents are composed.
2. Lower case by the rules of the language: in Turkish and Azerbaijani `I` becomes the dotless i, and the capital
   with a dot becomes `i`.
3. Numbers to words, for English only (`english_numbers`): cardinals, ordinals (`1st`), plurals (`1990s`), decimals,
   fractions such as `½`, `%`, `&`, a minus before a number, and dollars, pounds and euros. A year is a cardinal, since
   its reading is a guess: 1990 is `one thousand nine hundred ninety`. Digits with leading zeros, or more than 15 of
   them, are read one by one. In other languages a transcript with digits is refused: it must spell its numbers,
   because what the speaker said cannot be known.
4. Letters with their accents, and apostrophes inside words, stay (`don't`, every apostrophe as `'`); characters of
   format, such as soft hyphens, vanish; all other characters, hyphens among them, separate words.
5. Chinese (`mandarin`): a transcript with spaces between its characters is segmented already and kept; in one without,
   every character is a word. With the lexicon of an aligner, single characters that follow each other are joined to
   the longest words that it lists. Other languages written without spaces, such as Japanese and Thai, must come
   segmented.

The words joined by single spaces are a fixed point: normalising them again changes nothing.
"""

from kws_core.text.language import primary_language
from kws_core.text.normalisation import normalise

__all__ = ["normalise", "primary_language"]
