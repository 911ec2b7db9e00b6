"""Speech without keywords, and keywords, by the speakers of a split."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from kws_core.evaluation.streams.plan import KeywordPiece, SpeechPiece
from kws_core.manifest import Manifest
from kws_core.store import Store

MARGIN_S = 0.1
"""Speech this near to a keyword is left out: where words end is not known better."""
SHORTEST_S = 1.0
"""Stretches between keywords that are shorter are left out."""

Speaker = tuple[str, str]
"""Corpus and speaker."""
Times = list[tuple[str, float, float]]
"""Words of an utterance with their starts and ends in seconds."""


def speakers_of(selection: pa.Table, split: str, left_out: frozenset[str]) -> frozenset[Speaker]:
    """Speakers all of whose segments are in the split; corpora that are `left_out` have none."""
    splits: dict[Speaker, set[str]] = {}
    columns = (selection[name].to_pylist() for name in ("corpus", "speaker_id", "split"))
    for corpus, speaker_id, own in zip(*columns, strict=True):
        splits.setdefault((corpus, speaker_id), set()).add(own)
    return frozenset(key for key, found in splits.items() if found == {split} and key[0] not in left_out)


def keyword_pieces(
    selection: pa.Table, keywords: tuple[str, ...], split: str, left_out: frozenset[str]
) -> list[KeywordPiece]:
    """Segments of the keywords in a split, in the order of the selection; corpora that are `left_out` give none."""
    chosen = selection.filter(
        pc.and_(pc.equal(selection["split"], split), pc.is_in(selection["label"], pa.array(keywords, pa.string())))
    )
    return [
        KeywordPiece(row["part"], row["row"], row["label"], row["speaker_id"], row["segment_id"])
        for row in chosen.to_pylist()
        if row["corpus"] not in left_out
    ]


def speech_pieces(
    store: Store, utterances: Manifest, words: Manifest, keywords: tuple[str, ...], speakers: frozenset[Speaker]
) -> list[SpeechPiece]:
    """All speech of the speakers without keywords, by transcript.

    Utterances without keywords are taken whole; of others, what lies between the keywords as they were aligned. One
    whose alignment lacks a keyword of the transcript is left out.
    """
    found, cut = list[SpeechPiece](), dict[str, tuple[SpeechPiece, str]]()
    corpora = {corpus for corpus, _ in speakers}
    columns = ["utterance_id", "corpus", "speaker_id", "text", "duration_s"]
    for number, part in enumerate(utterances.parts):
        if part.corpus not in corpora:
            continue
        for row, utterance in enumerate(store.read_part(utterances.stage, part, columns).to_pylist()):
            if (utterance["corpus"], utterance["speaker_id"]) not in speakers:
                continue
            text = utterance["text"]
            whole = SpeechPiece(number, row, 0.0, utterance["duration_s"], utterance["speaker_id"], len(text.split()))
            if holds_keyword(text, keywords):
                cut[utterance["utterance_id"]] = (whole, text)
            elif text:
                found.append(whole)
    aligned = _aligned(store, words, corpora, cut)
    for utterance_id, (whole, text) in cut.items():
        found.extend(
            SpeechPiece(whole.part, whole.row, start_s, end_s, whole.speaker_id, whole.words)
            for start_s, end_s in between_keywords(text, aligned.get(utterance_id, []), whole.end_s, keywords)
        )
    return found


def holds_keyword(text: str, keywords: Sequence[str]) -> bool:
    """Whether a normalised transcript says one of the keywords, of one word or more."""
    return any(f" {keyword} " in f" {text} " for keyword in keywords)


def between_keywords(text: str, words: Times, duration_s: float, keywords: Sequence[str]) -> list[tuple[float, float]]:
    """Stretches of an utterance that hold none of the keywords; none at all unless every keyword was aligned."""
    tokens = text.split()
    said = sum(tokens.count(keyword) for keyword in keywords)
    spans = sorted((start_s, end_s) for word, start_s, end_s in words if word in keywords)
    phrases = [keyword for keyword in keywords if " " in keyword]
    if said != len(spans) or holds_keyword(text, phrases):
        return []
    starts = [0.0, *(end_s + MARGIN_S for _, end_s in spans)]
    ends = [*(start_s - MARGIN_S for start_s, _ in spans), duration_s]
    return [(start_s, end_s) for start_s, end_s in zip(starts, ends, strict=True) if end_s - start_s >= SHORTEST_S]


def _aligned(
    store: Store, words: Manifest, corpora: set[str], wanted: dict[str, tuple[SpeechPiece, str]]
) -> dict[str, Times]:
    """Aligned words of the wanted utterances."""
    found: dict[str, Times] = {}
    ids = pa.array(list(wanted), pa.string())
    for part in words.parts if wanted else ():
        if part.corpus in corpora:
            table = store.read_part(words.stage, part, ["utterance_id", "word", "start_s", "end_s"])
            for row in table.filter(pc.is_in(table["utterance_id"], ids)).to_pylist():
                found.setdefault(row["utterance_id"], []).append((row["word"], row["start_s"], row["end_s"]))
    return found
