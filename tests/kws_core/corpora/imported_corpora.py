"""Recordings and checks that the tests of the importers share."""

from pathlib import Path

import numpy as np
import soundfile

from kws_core.config import CorpusSection, IngestConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.part import PartOutput
from kws_core.schemas import UTTERANCES, check_schema

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 16000 * 4)


def sound(path: Path, seconds: float = 1.0, offset: int = 0, channels: int = 1) -> None:
    """Write noise; of several channels each has its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    length = int(seconds * 16000)
    columns = [np.roll(NOISE, -offset - 1000 * channel)[:length] for channel in range(channels)]
    soundfile.write(path, np.stack(columns, axis=1), 16000)


def prepare(config: CorpusSection) -> PartOutput:
    """Plan and read a corpus as one part."""
    output, reference = prepare_part("c", config, IngestConfig(), plan_corpus(config))
    assert reference is None
    check_schema(output.table, UTTERANCES, "utterances")
    return output


def rows(output: PartOutput, *columns: str) -> list[tuple[object, ...]]:
    """Some columns of the utterances, in the order of the sources."""
    table = output.table.sort_by("source")
    return list(zip(*(table[column].to_pylist() for column in columns), strict=True))


def reasons(output: PartOutput) -> dict[str, str]:
    """Reason of every rejected input by its name."""
    return {row["source"]: row["reason"] for row in output.quarantine.to_pylist()}
