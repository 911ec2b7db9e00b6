"""Words of transcripts: which are taken, which are left, and manifests that cannot be read."""

from pathlib import Path

import pytest

from kws_core.config import SpokenWordsCorpusConfig
from kws_core.corpora.spoken_words import plan_spoken_words
from kws_core.corpora.spoken_words_transcripts import transcript_words
from kws_core.errors import CorpusError


@pytest.fixture
def table(tmp_path: Path) -> str:
    rows = ["text\tpath", "The GARDEN of Marvin, A B\ta.flac", "garden xqzzt don't\tb.flac", ""]
    path = tmp_path / "sentences.tsv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return str(path)


def test_words_of_the_text_that_cmudict_lists_are_taken_once(table: str) -> None:
    assert transcript_words([table, table], ["marvin"]) == ("garden", "of", "the")


def test_the_plan_speaks_them_as_other_words_and_leaves_the_others_as_they_were(table: str) -> None:
    few = {"words": 5, "words_per_language": 0, "voices_per_word": 3, "natural_voices_per_word": 1}
    without = plan_spoken_words(SpokenWordsCorpusConfig(**few))
    added = plan_spoken_words(SpokenWordsCorpusConfig(**few, transcripts=(table,), exclude=("marvin",)))
    assert added[: len(without)] == without
    assert [planned.label for planned in added[len(without) :]] == [
        w for w in ("garden", "of", "the") for _ in range(3)
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"path\tspeaker\n", "column 'text' is missing; it has path, speaker"),
        (b"text\n\xff\n", r"is not UTF-8 \(byte 5\)"),
    ],
)
def test_manifests_that_cannot_be_used(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpusError, match=told):
        transcript_words([str(path)], ["marvin"])
