"""Chinese is written without spaces: characters, or the words of a lexicon."""

import re
from functools import lru_cache

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SEGMENTED = re.compile(rf"[{_HAN}]\s+[{_HAN}]")
_CHARACTER = re.compile(rf"[{_HAN}]")
_PIECE = re.compile(rf"[{_HAN}]|[^{_HAN}]+")


def split_characters(words: list[str], text: str) -> list[str]:
    """Every Chinese character as a word of its own, unless `text` has spaces between some: then it is segmented."""
    if _SEGMENTED.search(text):
        return words
    return [piece for word in words for found in _PIECE.findall(word) if (piece := found.strip("'"))]


def join_by_lexicon(words: list[str], lexicon: frozenset[str]) -> list[str]:
    """Join single characters that follow each other to words of the lexicon, always the longest that fits next."""
    joined: list[str] = []
    place = 0
    while place < len(words):
        count = 1
        for length in range(min(_longest(lexicon), _run(words, place)), 1, -1):
            if "".join(words[place : place + length]) in lexicon:
                count = length
                break
        joined.append("".join(words[place : place + count]))
        place += count
    return joined


def _run(words: list[str], place: int) -> int:
    """How many single Chinese characters follow each other from here."""
    end = place
    while end < len(words) and _CHARACTER.fullmatch(words[end]):
        end += 1
    return end - place


@lru_cache(maxsize=4)
def _longest(lexicon: frozenset[str]) -> int:
    return max(map(len, lexicon), default=0)
