"""Words that were enrolled while serving: their recordings are kept, so that another model can learn them too."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.atomic_file import write_atomically
from kws_core.audio import decode_file, encode_flac, float_to_pcm16, pcm16_to_float
from kws_core.enrolment_example import Example
from kws_core.errors import ConfigError
from kws_core.fingerprint import fingerprint

WORD = "word.json"


@dataclass(frozen=True, eq=False)
class Word:
    """A word, its recordings, and the wish that its threshold is set for: exactly one is stated."""

    keyword: str
    examples: tuple[Example, ...]
    far: float | None
    """Share of other words that may be taken for it."""
    max_false_alarms_per_hour: float | None = None


class EnrolledWords:
    """The words of a service in the order of their enrolment; in a folder, if there is one, they outlive it."""

    def __init__(self, folder: Path | None) -> None:
        """Read the words of a folder; raises `ConfigError` or `AudioError` for what is not a word of ours."""
        self._folder = folder
        found = [_read(path) for path in folder.glob(f"*/{WORD}")] if folder is not None else []
        self._words = {word.keyword: word for _, word in sorted(found, key=lambda pair: pair[0])}
        self._number = max((number for number, _ in found), default=0)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._words

    def __len__(self) -> int:
        return len(self._words)

    def all(self) -> Sequence[Word]:
        """Every word."""
        return tuple(self._words.values())

    def add(self, word: Word) -> None:
        """Keep a word of a new name; raises `ConfigError` when the folder cannot be written."""
        self._number += 1
        if self._folder is not None:
            _write(self._folder / _place(word.keyword), self._number, word)
        self._words[word.keyword] = word

    def remove(self, keyword: str) -> None:
        """Forget a word, its recordings with it; raises `KeyError` when there is none of that name."""
        del self._words[keyword]
        if self._folder is not None:
            # first: without it the rest is no word
            (self._folder / _place(keyword) / WORD).unlink(missing_ok=True)
            shutil.rmtree(self._folder / _place(keyword), ignore_errors=True)


def _place(keyword: str) -> str:
    """Its folder's name: a keyword may hold what a file name may not."""
    return fingerprint("enrolled word", keyword)[:16]


def _write(folder: Path, number: int, word: Word) -> None:
    names = [f"{example.sha256[:16]}.flac" for example in word.examples]
    wish = {"far": word.far, "max_false_alarms_per_hour": word.max_false_alarms_per_hour}
    document = {"keyword": word.keyword, **wish, "number": number, "recordings": names}
    try:
        for name, example in zip(names, word.examples, strict=True):
            write_atomically(folder / name, encode_flac(float_to_pcm16(example.pcm)))
        # last: without it the rest is no word
        write_atomically(folder / WORD, json.dumps(document, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> tuple[int, Word]:
    """When it was enrolled among the others, and the word."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        number, keyword = int(document["number"]), str(document["keyword"])
        far, per_hour = (
            None if document[name] is None else float(document[name]) for name in ("far", "max_false_alarms_per_hour")
        )
        names = [Path(name).name for name in document["recordings"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not an enrolled word of kws serve") from error
    return number, Word(keyword, tuple(Example(name, _samples(path.parent / name)) for name in names), far, per_hour)


def _samples(path: Path) -> NDArray[np.float32]:
    return pcm16_to_float(decode_file(path))
