"""A user's own recordings of words, as trials: a TSV `path speaker label`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kws_core.audio import decode_file
from kws_core.config import SAMPLE_RATE_HZ, SelectionConfig
from kws_core.corpora.text_lines import read_lines
from kws_core.enrolment_example import LONGEST_RECORDING_S
from kws_core.errors import AudioError, CorpusError
from kws_core.features.window import window_waveform
from kws_core.fingerprint import sha256
from kws_core.pairs import CONFUSABLE, draw_pairs
from kws_core.part import Quarantine
from kws_core.schemas import SELECTION
from kws_core.sound_prints import estimate_snr_db
from kws_core.speech_span import speech_span

CORPUS = "recordings"
LABELS = ("label", "text")
LARGEST_REJECTED = 0.1
"""Share of the recordings that may be unusable."""


@dataclass(frozen=True, eq=False)
class RecordedTrials:
    """Recordings of single words: every row is a test row, and words that are no keyword count as never trained on."""

    name: str
    selection: pa.Table
    """`schemas.SELECTION`; the word of a row is at the centre of its window."""
    pairs: pa.Table
    snr_db: NDArray[np.float64]
    paths: tuple[Path, ...]
    centres: tuple[int, ...]
    """Sample at the middle of each word."""
    digests: tuple[str, ...]
    """SHA-256 of the samples of each recording."""
    rejected: pa.Table
    """`schemas.QUARANTINE`."""

    def windows(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """The windows `[n, 16000]` of these rows, decoded anew, full scale 1."""
        found = [window_waveform(decode_file(self.paths[row]), self.centres[row], SAMPLE_RATE_HZ) for row in rows]
        return np.stack(found) if found else np.empty((0, SAMPLE_RATE_HZ), np.float32)


def read_recordings(
    table: Path, keywords: tuple[str, ...], config: SelectionConfig | None = None, seed: int = 0
) -> RecordedTrials:
    """Read the recordings that a TSV names; the word of each is found by its energy, and is all of it without silence.

    Poor recordings are part of a test: only what is no recording, digital silence or longer than 10 s is rejected.

    Args:
        table: with a header and the columns `path` (relative to the table), `speaker` and `label` (or `text`).
        keywords: labels of targets.
        config: how many pairs are drawn and of which speakers; None for the defaults.
        seed: of the pairs.

    Raises:
        CorpusError: the table cannot be read or lacks a column, more than a tenth of its recordings are unusable, or
            they do not allow a single trial.
    """
    config = config or SelectionConfig(keywords=keywords)
    quarantine, rows = Quarantine("recordings"), list[dict[str, object]]()
    paths, centres, digests, snrs = list[Path](), list[int](), list[str](), list[float]()
    total = 0
    for number, path, speaker, label in _rows(table):
        total += 1
        source = f"{table.name} line {number}"
        if not path or not speaker or not label:
            quarantine.add(source, "path, speaker or label is empty")
            continue
        try:
            pcm = decode_file(table.parent / path)
        except AudioError as error:
            quarantine.add(source, str(error))
            continue
        length_s = len(pcm) / SAMPLE_RATE_HZ
        if not pcm.any() or length_s > LONGEST_RECORDING_S:
            told = f"{length_s:.1f} s long; at most {LONGEST_RECORDING_S:g} s are accepted" if pcm.any() else "silence"
            quarantine.add(source, f"{path}: {told}")
            continue
        start_s, end_s = speech_span(pcm) or (0.0, length_s)
        place = len(rows)
        rows.append(
            {
                "segment_id": f"{place:06d} {path}",
                "part": 0,
                "row": place,
                "corpus": CORPUS,
                "speaker_id": speaker,
                "label": label,
                "label_id": keywords.index(label) if label in keywords else -1,
                "word_s": end_s - start_s,
                "split": "test",
                "role": "target" if label in keywords else "non-target",
            }
        )
        paths.append(table.parent / path)
        centres.append(round((start_s + end_s) / 2 * SAMPLE_RATE_HZ))
        digests.append(sha256(pcm.astype("<i2").tobytes()))
        snrs.append(estimate_snr_db(pcm))
    rejected = quarantine.table()
    _check(table, total, rejected)
    selection = pa.Table.from_pylist(rows, schema=SELECTION)
    pairs = _pairs(selection, config, seed, table)
    found = tuple(paths), tuple(centres), tuple(digests)
    return RecordedTrials(table.stem, selection, pairs, np.array(snrs), *found, rejected)


def _rows(table: Path) -> list[tuple[int, str, str, str]]:
    """Number of the line, path, speaker and label of every row."""
    lines = read_lines(table, "list of recordings")
    header = next(lines, (1, ""))[1].split("\t")
    label = next((name for name in LABELS if name in header), LABELS[0])
    columns = ("path", "speaker", label)
    for column in columns:
        if column not in header:
            raise CorpusError(
                f"{table}: column {column!r} is missing; it has {', '.join(filter(None, header)) or 'no header'}"
            )
    places = [header.index(column) for column in columns]
    found = []
    for number, line in lines:
        if line.strip():
            values = [*(value.strip() for value in line.split("\t")), *[""] * len(header)]
            path, speaker, text = (values[place] for place in places)
            found.append((number, path, speaker, " ".join(text.lower().split())))
    if not found:
        raise CorpusError(f"{table}: it lists no recordings")
    return found


def _check(table: Path, total: int, rejected: pa.Table) -> None:
    if rejected.num_rows > LARGEST_REJECTED * total:
        first = rejected.slice(0, 1).to_pylist()[0]
        raise CorpusError(
            f"{table}: {rejected.num_rows} of {total} recordings cannot be used, {LARGEST_REJECTED:.0%} are allowed; "
            f"the first: {first['source']}: {first['reason']}"
        )


def _pairs(selection: pa.Table, config: SelectionConfig, seed: int, table: Path) -> pa.Table:
    """All recordings as one list, and those of words that sound alike."""
    everything = draw_pairs(selection, frozenset({CORPUS}), config, seed)
    names = pa.array([CORPUS] * everything.num_rows, pa.string())
    everything = everything.set_column(0, "test_set", names)
    alike = draw_pairs(selection, frozenset(), config, seed)
    alike = alike.filter(pc.equal(alike["test_set"], CONFUSABLE))
    if not everything.num_rows:
        speakers = pc.count_distinct(selection["speaker_id"]).as_py()
        raise CorpusError(
            f"{table}: no trials can be drawn: two words are needed that are both said twice, by different speakers "
            f"unless the speaker policy is any; it has {selection.num_rows} recordings of {speakers} speakers"
        )
    return pa.concat_tables([everything, alike.cast(everything.schema)])
