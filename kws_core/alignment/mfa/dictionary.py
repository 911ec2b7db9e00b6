"""Pronunciations for MFA, and how many of a corpus's words they cover."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from kws_core.alignment.lexicon import pronunciation
from kws_core.alignment.mfa.program import MfaProgram, MfaRunError
from kws_core.alignment.pronunciation import pronounce
from kws_core.config.alignment import CMUDICT, MfaConfig
from kws_core.errors import AlignmentError, CorpusError
from kws_core.text import normalise, primary_language

Pronunciations = Mapping[str, tuple[str, ...]]
"""Words and what a dictionary says after each: phones, behind probabilities where the dictionary has them."""

_MARKUP = ("<", "[", "{")  # of MFA's own entries, such as <unk>


class Lexicon(Protocol):
    """Where pronunciations come from."""

    def lookup(self, word: str) -> tuple[str, ...]:
        """All pronunciations of a word, none when it is unknown."""
        ...

    def guess(self, word: str) -> tuple[str, ...]:
        """Pronunciations of a word that it does not list, made by rules; none where it has no rules."""
        ...

    def words(self) -> frozenset[str]:
        """All words of a dictionary file, for languages that are segmented by them; none where it is built in."""
        ...

    def special(self) -> Pronunciations:
        """Entries that are no words, which every dictionary for the acoustic model must keep."""
        ...


class EnglishLexicon:
    """CMUdict without stress, and English rules for what it does not list."""

    def lookup(self, word: str) -> tuple[str, ...]:
        """Pronunciations of a word."""
        phones = pronunciation(word)
        return () if phones is None else (phones,)

    def guess(self, word: str) -> tuple[str, ...]:
        """The pronunciation by `kws_core.alignment.pronunciation`."""
        phones = pronounce(word)
        return () if phones is None else (phones,)

    def words(self) -> frozenset[str]:
        """None: English has spaces."""
        return frozenset()

    def special(self) -> Pronunciations:
        """None."""
        return {}


class FileLexicon:
    """A dictionary file: `WORD` and, after a tab or spaces, probabilities and phones; a word may have several lines."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises `AlignmentError` naming the line that is no entry."""
        words: dict[str, list[str]] = {}
        special: dict[str, list[str]] = {}
        for number, line in enumerate(_text(path).split("\n"), start=1):
            if not line.strip():
                continue
            fields = line.split("\t", 1) if "\t" in line else line.split(None, 1)
            word, rest = fields[0].strip(), fields[-1].strip()
            if len(fields) < 2 or not word or not rest:
                raise AlignmentError(f"{path}: line {number} is {line.strip()!r}; WORD<TAB>PHONES is accepted")
            kind = special if word.startswith(_MARKUP) else words
            # MFA puts transcripts into lower case
            kind.setdefault(word if kind is special else word.lower(), []).append(rest)
        if not words:
            raise AlignmentError(f"{path}: the dictionary has no words")
        self._words = {word: tuple(dict.fromkeys(lines)) for word, lines in words.items()}
        self._special = {word: tuple(dict.fromkeys(lines)) for word, lines in special.items()}

    def lookup(self, word: str) -> tuple[str, ...]:
        """Pronunciations of a word."""
        return self._words.get(word, ())

    def guess(self, word: str) -> tuple[str, ...]:
        """None: a file has no rules."""
        return ()

    def words(self) -> frozenset[str]:
        """The words of the file."""
        return frozenset(self._words)

    def special(self) -> Pronunciations:
        """The file's own `<unk>` and the like."""
        return self._special


@dataclass(frozen=True)
class DictionaryCoverage:
    """Words of a corpus that have a pronunciation, counted by words: MFA's own count is one of letters."""

    types: int
    known_types: int
    tokens: int
    known_tokens: int
    unknown: tuple[str, ...]
    """The words that have none, most frequent first."""

    @property
    def type_share(self) -> float:
        """Known share of the different words, in [0, 1]; 1 where there are none."""
        return self.known_types / self.types if self.types else 1.0

    @property
    def token_share(self) -> float:
        """Known share of the running words."""
        return self.known_tokens / self.tokens if self.tokens else 1.0


def open_lexicon(config: MfaConfig, language: str) -> Lexicon:
    """The lexicon of a language.

    Raises:
        AlignmentError: the file cannot be read, or none is configured for a language other than English.
    """
    if config.dictionary not in ("", CMUDICT):
        return _file_lexicon(Path(config.dictionary))
    if primary_language(language) != "en":
        raise AlignmentError(
            f"language {language!r} has no dictionary: set alignment.mfa.dictionary (only English has one built in)"
        )
    return EnglishLexicon()


def transcript_words(text: str, language: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Words of a transcript as MFA gets and keeps them; raises `CorpusError` for numbers that nobody can read."""
    segmented = primary_language(language) == "zh"
    return tuple(normalise(text, language, lexicon.words() if segmented else frozenset()))


def count_words(texts: Iterable[str], language: str, lexicon: Lexicon) -> Counter[str]:
    """Words of transcripts; those that cannot be read are left out here and rejected when they are aligned."""
    counts: Counter[str] = Counter()
    for text in texts:
        with contextlib.suppress(CorpusError):
            counts.update(transcript_words(text, language, lexicon))
    return counts


def dictionary_coverage(counts: Counter[str], lexicon: Lexicon) -> DictionaryCoverage:
    """How many of the words have a pronunciation."""
    unknown = [
        word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if not lexicon.lookup(word)
    ]
    return DictionaryCoverage(
        len(counts),
        len(counts) - len(unknown),
        counts.total(),
        counts.total() - sum(counts[word] for word in unknown),
        tuple(unknown),
    )


def generate_pronunciations(
    program: MfaProgram, model: Path, words: Iterable[str], root: Path, jobs: int
) -> Pronunciations:
    """Pronounce words by `mfa g2p`; a word that the model cannot spell is left out.

    Raises:
        AlignmentError: the model or the run is not well.
    """
    root.mkdir(parents=True, exist_ok=True)
    listed, made = root / "words.txt", root / "generated.dict"
    listed.write_text("".join(f"{word}\n" for word in sorted(set(words))), encoding="utf-8")
    arguments = ["g2p", str(listed), str(model), str(made), "--num_jobs", str(jobs), "--clean"]
    try:
        program.run(arguments, root)
        found = FileLexicon(made)
    except MfaRunError as error:
        raise AlignmentError(f"mfa g2p fails with {model}: {error}") from error
    return {word: lines for word in sorted(set(words)) if (lines := found.lookup(word))}


def write_dictionary(path: Path, entries: Pronunciations, special: Pronunciations) -> Path:
    """Write a dictionary; the same entries give the same bytes. Returns the path."""
    lines = [f"{word}\t{line}\n" for table in (special, entries) for word in sorted(table) for line in table[word]]
    path.write_text("".join(lines), encoding="utf-8")
    return path


@lru_cache(maxsize=2)
def _file_lexicon(path: Path) -> FileLexicon:
    """Kept for the next question: dictionaries have some 100,000 lines."""
    return FileLexicon(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AlignmentError(f"{path}: the dictionary cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise AlignmentError(f"{path}: the dictionary is not UTF-8 (byte {error.start})") from error
