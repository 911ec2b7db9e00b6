"""Keywords that hide among the non-targets, by their labels."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kws_core.coded_column import CodedColumn
from kws_core.leak_checks.leak import Leak, name_rows


def plain_label(label: str) -> str:
    """A label without case and without what only separates: `Wake-Up`, `wake_up` and `wakeup` are the same.

    Letters with their accents, digits and apostrophes stay: they make other words.
    """
    folded = unicodedata.normalize("NFKC", label).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return "".join(letter for letter in folded if letter == "'" or unicodedata.category(letter)[0] in "LMN")


def find_hidden_keywords(selection: pa.Table, keywords: Sequence[str], known_labels: Sequence[str] = ()) -> Leak | None:
    """Rows, of any split, that are no targets and whose label is a keyword or has one as one of its words.

    `known_labels` are left out.
    """
    plain = {plain_label(keyword): keyword for keyword in keywords}
    phrases = {tuple(keyword.casefold().split()): keyword for keyword in keywords}
    label = CodedColumn.of(selection["label"])
    others = [value for value in label.values if value not in keywords and value not in known_labels]
    hidden = dict.fromkeys(label.values) | {
        value: plain.get(plain_label(value)) or _within(value, phrases) for value in others
    }
    is_word = np.asarray(pa.compute.not_equal(selection["role"], "background").to_numpy(), np.bool_)
    rows = np.flatnonzero(label.map({value: found is not None for value, found in hidden.items()}, bool) & is_word)
    if not len(rows):
        return None
    said = [
        f"{text} is the keyword {hidden[label.values[code]]!r}"
        for text, code in zip(name_rows(selection, rows), label.codes[rows].tolist(), strict=False)
    ]
    return Leak("labels", "keywords are labelled as non-targets", len(rows), tuple(said))


def _within(label: str, phrases: dict[tuple[str, ...], str]) -> str | None:
    """The keyword whose words follow one another in a label of more words."""
    words = label.casefold().split()
    for phrase, keyword in phrases.items():
        if len(phrase) < len(words):
            starts = range(len(words) - len(phrase) + 1)
            if any(tuple(words[start : start + len(phrase)]) == phrase for start in starts):
                return keyword
    return None
