import numpy as np
import pytest

from kws_core.audio import decode_flac
from kws_core.config import IngestConfig
from kws_core.corpora.recording import Recording
from kws_core.corpora.utterances import UtteranceBuilder
from kws_core.schemas import UTTERANCES, check_schema

PCM = np.random.default_rng(1).integers(-999, 999, 16000).astype(np.int16)


def recording(speaker: str = "anna", text: str = "go", source: str = "s") -> Recording:
    return Recording(speaker, text, source, "CC0", "", "", 0)


def identity(corpus: str = "c", pcm: np.ndarray = PCM, **fields: str) -> str | None:
    return UtteranceBuilder(corpus, "en", IngestConfig()).add(recording(**fields), pcm)


def test_ids_are_those_of_the_content() -> None:
    assert identity() == identity()
    assert identity(source="other") == identity()
    moved = np.roll(PCM, 1)
    others = [identity(corpus="d"), identity(speaker="b"), identity(text="no"), identity(pcm=moved)]
    assert len({identity(), *others}) == 5
    assert len(identity() or "") == 16


def test_rows_are_whole_and_lossless() -> None:
    builder = UtteranceBuilder("c", "de", IngestConfig())
    name = builder.add(recording(), PCM)
    output = builder.output()
    check_schema(output.table, UTTERANCES, "utterances")
    (row,) = output.table.to_pylist()
    np.testing.assert_array_equal(decode_flac(row.pop("audio")), PCM)
    assert row == {
        "utterance_id": name,
        "corpus": "c",
        "speaker_id": "anna",
        "split": "",
        "text": "go",
        "original_text": "go",
        "language": "de",
        "duration_s": 1.0,
        "peak": int(np.abs(PCM).max()) / 32768,
        "clipped_share": 0.0,
        "silent_share": 0.0,
        "source": "s",
        "licence": "CC0",
    }


@pytest.mark.parametrize(("samples", "accepted"), [(1599, False), (1600, True), (32000, True), (32001, False)])
def test_the_borders_of_the_duration_are_accepted(samples: int, accepted: bool) -> None:
    builder = UtteranceBuilder("c", "en", IngestConfig(min_duration_s=0.1, max_duration_s=2))
    assert (builder.add(recording(), np.resize(PCM, samples)) is not None) == accepted
    assert builder.output().quarantine.num_rows == (not accepted)


def test_repeated_recordings_are_rejected_once_each() -> None:
    builder = UtteranceBuilder("c", "en", IngestConfig())
    assert [builder.add(recording(source=name), PCM) is None for name in "abc"] == [False, True, True]
    assert builder.output().quarantine.to_pylist() == [
        {"stage": "utterances", "source": name, "reason": "the same speaker, text and audio as a"} for name in "bc"
    ]


@pytest.mark.parametrize("needs_text", [True, False])
def test_an_empty_transcript_is_accepted_only_where_none_is_needed(needs_text: bool) -> None:
    builder = UtteranceBuilder("c", "en", IngestConfig(), needs_text=needs_text)
    assert (builder.add(recording(text=""), PCM) is None) == needs_text
    assert [row["reason"] for row in builder.output().quarantine.to_pylist()] == [
        "the transcript is empty"
    ] * needs_text
    assert identity(text="") is None  # what every recipe of words gets


def test_an_empty_part_keeps_its_columns() -> None:
    output = UtteranceBuilder("c", "en", IngestConfig()).output()
    check_schema(output.table, UTTERANCES, "utterances")
    assert output.table.num_rows == 0
