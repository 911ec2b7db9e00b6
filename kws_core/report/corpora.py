"""The report's table of corpora: hours, speakers, words, licences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kws_core.manifest import Manifest
from kws_core.report.data import ReportTable
from kws_core.report.numbers import count
from kws_core.store import Store

_COLUMNS = ["corpus", "speaker_id", "language", "duration_s", "licence"]


@dataclass(frozen=True)
class CorpusSummary:
    """What came in of one corpus, and the words that were cut from it."""

    corpus: str
    recordings: int
    hours: float
    speakers: int
    words: int
    labels: int
    languages: tuple[str, ...]
    licences: tuple[str, ...]


def summarise_corpora(store: Store, utterances: Manifest, segments: Manifest) -> tuple[CorpusSummary, ...]:
    """Read part by part, without the audio; in the order of their names."""
    recordings, seconds = Counter[str](), Counter[str]()
    found: dict[str, dict[str, set[str]]] = {}
    words, labels = Counter[str](), dict[str, set[str]]()
    for part in utterances.parts:
        table = store.read_part(utterances.stage, part, _COLUMNS)
        for row in table.to_pylist():
            name = row["corpus"]
            recordings[name] += 1
            seconds[name] += row["duration_s"]
            sets = found.setdefault(name, {column: set() for column in _COLUMNS})
            for column in ("speaker_id", "language", "licence"):
                sets[column].add(row[column])
    for part in segments.parts:
        table = store.read_part(segments.stage, part, ["corpus", "label"])
        for row in table.to_pylist():
            if not row["label"].startswith("<"):
                words[row["corpus"]] += 1
                labels.setdefault(row["corpus"], set()).add(row["label"])
    return tuple(
        CorpusSummary(
            name,
            recordings[name],
            seconds[name] / 3600,
            len(found[name]["speaker_id"]),
            words[name],
            len(labels.get(name, ())),
            tuple(sorted(found[name]["language"] - {""})),
            tuple(sorted(found[name]["licence"])),
        )
        for name in sorted(found)
    )


def corpora_table(corpora: Sequence[CorpusSummary]) -> ReportTable:
    """One line a corpus."""
    rows = [
        (
            corpus.corpus,
            f"{corpus.hours:.2f}",
            count(corpus.recordings),
            count(corpus.speakers),
            count(corpus.words),
            count(corpus.labels),
            "; ".join(corpus.licences),
            ", ".join(corpus.languages) or "not told",
        )
        for corpus in corpora
    ]
    return ReportTable(
        "corpora",
        "Data: what the run was made from",
        ("Corpus", "Hours", "Recordings", "Speakers", "Words cut", "Different words", "Licences", "Languages"),
        tuple(rows),
    )
