"""English numbers as words: `2nd` to `second`, `$3.50` to `three dollars fifty cents`."""

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ("", "thousand", "million", "billion", "trillion")
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LONGEST = 15
"""Digits; longer numbers are read digit by digit."""
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent")}

_INTEGER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?![0-9])"
_NUMBER = rf"{_INTEGER}(?:\.[0-9]+)?"
_SCALE_WORDS = "hundred|" + "|".join(_SCALES[1:])
_MINUS = re.compile(r"(?<!\w)[-\N{MINUS SIGN}](?=[$£€]?\.?[0-9])")
_MONEY = re.compile(rf"([$£€])\s?({_INTEGER})(?:\.([0-9]+))?(?:\s+({_SCALE_WORDS})\b)?")
_ORDINAL = re.compile(rf"({_INTEGER})(?:st|nd|rd|th)\b")
_PLURAL = re.compile(rf"({_INTEGER})['\N{{RIGHT SINGLE QUOTATION MARK}}]?s\b")
_FRACTION = re.compile("([0-9]+)\N{FRACTION SLASH}([0-9]+)")
_BARE_DECIMAL = re.compile(r"(?<![\w.])\.(?=[0-9])")
_PLAIN = re.compile(_NUMBER)


def spell_out(text: str) -> str:
    """Lower-case text with its numbers as words, and `%` and `&` where they are read; the rest stays as it is."""
    if "&" in text:
        text = text.replace("&", " and ")
    if not re.search("[0-9]", text):
        return text
    text = _MINUS.sub(" minus ", text)
    text = _MONEY.sub(_money, text)
    text = _ORDINAL.sub(lambda found: f" {ordinal(found[1])} ", text)
    text = _PLURAL.sub(lambda found: f" {_plural(cardinal(found[1]))} ", text)
    text = _FRACTION.sub(_fraction, text)
    text = _BARE_DECIMAL.sub("0.", text)
    text = re.sub(rf"({_NUMBER})\s?%", r"\1 percent ", text)
    return _PLAIN.sub(lambda found: f" {_decimal(found[0])} ", text)


def cardinal(digits: str) -> str:
    """`1,204` as `one thousand two hundred four`."""
    digits = digits.replace(",", "")
    if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == "0"):
        return " ".join(_SMALL[int(digit)] for digit in digits)
    number = int(digits)
    if number == 0:
        return _SMALL[0]
    words: list[str] = []
    for scale in range(len(_SCALES) - 1, -1, -1):
        group = number // 1000**scale % 1000
        if group:
            words += [*_below_thousand(group), *_SCALES[scale].split()]
    return " ".join(words)


def ordinal(digits: str) -> str:
    """`21` as `twenty first`."""
    *first, last = cardinal(digits).split()
    return " ".join([*first, _ORDINALS.get(last) or (f"{last[:-1]}ieth" if last[-1] == "y" else f"{last}th")])


def _below_thousand(number: int) -> list[str]:
    words = [_SMALL[number // 100], "hundred"] if number >= 100 else []
    number %= 100
    if number >= 20:
        words.append(_TENS[number // 10])
        number %= 10
    return [*words, _SMALL[number]] if number or not words else words


def _decimal(digits: str) -> str:
    whole, _, decimals = digits.partition(".")
    return " ".join([cardinal(whole), *(["point", *(_SMALL[int(digit)] for digit in decimals)] if decimals else [])])


def _plural(words: str) -> str:
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def _fraction(found: re.Match[str]) -> str:
    upper, lower = found[1], found[2]
    part = {"2": "half", "4": "quarter"}.get(lower) or ordinal(lower)
    if int(upper) == 1:
        return f" one {part} "
    return f" {cardinal(upper)} {'halves' if part == 'half' else part + 's'} "


def _money(found: re.Match[str]) -> str:
    sign, whole, decimals, scale = found.groups()
    unit, part = _CURRENCIES[sign]
    if scale or (decimals and len(decimals) != 2):
        amount = _decimal(f"{whole}.{decimals}" if decimals else whole)
        return f" {amount} {scale or ''} {unit}s "
    words = [cardinal(whole), unit if int(whole.replace(",", "")) == 1 else f"{unit}s"]
    if decimals and int(decimals):
        small = str(int(decimals))
        several = "pence" if part == "penny" else f"{part}s"
        words += [cardinal(small), part if small == "1" else several]
    return f" {' '.join(words)} "
