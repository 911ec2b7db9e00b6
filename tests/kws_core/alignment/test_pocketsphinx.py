import csv
import math
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kws_core.alignment import aligner_version, build_aligner
from kws_core.alignment.compare import compare_words
from kws_core.alignment.pocketsphinx import SEARCHES
from kws_core.alignment.pocketsphinx_decoder import AlignmentDecoder
from kws_core.audio import Pcm16, decode_flac, encode_flac
from kws_core.config import AlignmentConfig, DemoCorpusConfig, IngestConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.errors import AlignmentError, ConfigError
from kws_core.part import PartOutput
from kws_core.schemas import WORDS, check_schema

pytest.importorskip("pocketsphinx")


def align(utterances: pa.Table, padding_s: float = 0.5) -> PartOutput:
    return build_aligner("pocketsphinx", AlignmentConfig(padding_s=padding_s)).align(utterances)


def with_texts(utterances: pa.Table, texts: list[str]) -> pa.Table:
    return utterances.set_column(utterances.column_names.index("text"), "text", pa.array(texts))


def by_word(output: PartOutput) -> dict[tuple[str, int], dict[str, Any]]:
    """Rows by their key, without the columns that this aligner leaves NaN: NaN equals nothing."""
    rows = output.table.drop_columns(["disagreement_s"]).to_pylist()
    return {
        (row["utterance_id"], row["index"]): {
            name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()
        }
        for row in rows
    }


def transcript(utterances: pa.Table) -> list[str]:
    words: list[str] = utterances["text"][0].as_py().lower().split()
    return words


def padded(utterances: pa.Table) -> Pcm16:
    silence = np.zeros(8000, np.int16)
    return np.concatenate([silence, decode_flac(utterances["audio"][0].as_py()), silence])


def mean_scores(output: PartOutput) -> dict[str, float]:
    scores = defaultdict(list)
    for row in output.table.to_pylist():
        scores[row["utterance_id"]].append(row["score"])
    return {name: float(np.mean(values)) for name, values in scores.items()}


def last_scores(output: PartOutput) -> dict[str, float]:
    return {row["utterance_id"]: row["score"] for row in output.table.to_pylist()}


@pytest.fixture(scope="module")
def demo() -> tuple[pa.Table, PartOutput]:
    """Synthesised sentences and the true times of their words."""
    pytest.importorskip("espeakng_loader")
    config = DemoCorpusConfig(speakers=4, keyword_repeats=1, other_words=1)
    sentences = [recording for recording in plan_corpus(config) if " " in recording.text][::4]
    output, reference = prepare_part("demo", config, IngestConfig(), sentences)
    assert reference is not None
    return output.table, reference


@pytest.fixture(scope="module")
def demo_aligned(demo: tuple[pa.Table, PartOutput]) -> PartOutput:
    return align(demo[0])


def test_synthesised_words_are_found_where_they_are(
    demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput
) -> None:
    utterances, reference = demo
    check_schema(demo_aligned.table, WORDS, "words")
    found, true = by_word(demo_aligned), by_word(reference)
    assert len(found) > 0.7 * len(true)
    assert all(row["word"] == true[key]["word"] for key, row in found.items())
    assert np.median([abs(row["start_s"] - true[key]["start_s"]) for key, row in found.items()]) < 0.03
    assert np.median([abs(row["end_s"] - true[key]["end_s"]) for key, row in found.items()]) < 0.03
    # every utterance is there with all its words, or quarantined
    sources = dict(zip(utterances["utterance_id"].to_pylist(), utterances["source"].to_pylist(), strict=True))
    aligned = {sources[name] for name, _ in found}
    assert aligned | set(demo_aligned.quarantine["source"].to_pylist()) == set(sources.values())
    assert not aligned & set(demo_aligned.quarantine["source"].to_pylist())


def test_times_lie_in_the_utterance_and_scores_are_logarithms(
    demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput
) -> None:
    durations = dict(zip(demo[0]["utterance_id"].to_pylist(), demo[0]["duration_s"].to_pylist(), strict=True))
    for row in demo_aligned.table.to_pylist():
        assert 0 <= row["start_s"] < row["end_s"] <= durations[row["utterance_id"]]
        assert -100 < row["score"] < -0.05


def test_the_result_does_not_depend_on_what_came_before(
    demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput
) -> None:
    utterances = demo[0]
    backwards = align(utterances.take(list(range(utterances.num_rows))[::-1]))
    assert by_word(backwards) == by_word(demo_aligned)


def test_wrong_transcripts_are_rejected_or_score_lower(
    demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput
) -> None:
    texts = demo[0]["text"].to_pylist()
    wrong = align(with_texts(demo[0], texts[5:] + texts[:5]))
    assert wrong.quarantine.num_rows > demo_aligned.quarantine.num_rows
    right_scores, wrong_scores = mean_scores(demo_aligned), mean_scores(wrong)
    assert all(wrong_scores[name] < right_scores[name] for name in set(wrong_scores) & set(right_scores))
    mismatches = [reason for reason in wrong.quarantine["reason"].to_pylist() if "does not match" in reason]
    assert len(mismatches) == wrong.quarantine.num_rows


def test_right_words_score_higher_than_wrong_ones_in_their_place(demo: tuple[pa.Table, PartOutput]) -> None:
    keyword = ["stop" if "stop" not in text else "music" for text in demo[0]["text"].to_pylist()]
    texts = [f"{' '.join(t.split()[:-1])} {w}" for t, w in zip(demo[0]["text"].to_pylist(), keyword, strict=True)]
    right, wrong = last_scores(align(demo[0])), last_scores(align(with_texts(demo[0], texts)))
    assert set(right) & set(wrong)
    assert all(wrong[name] < right[name] for name in set(right) & set(wrong))


def test_words_that_nobody_can_pronounce_are_lost_and_their_neighbours_kept(
    demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput
) -> None:
    good = by_word(demo_aligned)
    first = next(iter(good))[0]
    row = demo[0]["utterance_id"].to_pylist().index(first)
    three = pa.concat_tables([demo[0].slice(row, 1)] * 3)
    words = three["text"][0].as_py().split()
    source = three["source"][0].as_py()
    output = align(with_texts(three, [" ".join(["\u043c\u0438\u0440", *words[1:]]), "\u043c\u0438\u0440", "..."]))
    assert output.quarantine.to_pylist() == [
        {"stage": "words", "source": source, "reason": "words that cannot be pronounced: \u043c\u0438\u0440"},
        {"stage": "words", "source": source, "reason": "words that cannot be pronounced: \u043c\u0438\u0440"},
        {"stage": "words", "source": source, "reason": "the transcript has no words"},
    ]
    kept = by_word(output)
    assert set(kept) == {(first, index) for index in range(1, len(words))}
    last = (first, len(words) - 1)
    assert abs(kept[last]["start_s"] - good[last]["start_s"]) < 0.05


def test_phone_durations_are_measured(demo_aligned: PartOutput) -> None:
    deviations = demo_aligned.table["phone_duration_deviation"].to_numpy()
    assert np.mean(np.isfinite(deviations)) > 0.9
    assert 0.3 < np.nanmedian(deviations) < 2.5


def test_padding_is_taken_out_of_the_times(demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput) -> None:
    padded, barely = by_word(demo_aligned), by_word(align(demo[0], padding_s=0.0))
    common = set(padded) & set(barely)
    assert len(common) > len(padded) / 2
    assert np.median([abs(padded[key]["start_s"] - barely[key]["start_s"]) for key in common]) < 0.03
    # and yet it changes what the aligner hears
    assert any(padded[key] != barely[key] for key in common)


def test_recordings_shorter_than_their_words_leave_the_next_unharmed(demo_aligned: PartOutput) -> None:
    noise = np.random.default_rng(0).integers(-9, 9, 1600).astype(np.int16)
    row = {"utterance_id": "u", "text": "stop the music", "source": "s", "audio": encode_flac(noise)}
    output = align(pa.Table.from_pylist([row, row]))
    assert output.table.num_rows == 0
    assert output.quarantine.num_rows == 2


@pytest.fixture(scope="module")
def real(shared_folder: Path) -> Callable[[list[str]], tuple[pa.Table, pa.Table]]:
    """Recorded sentences by their paths, and the words that the Montreal Forced Aligner found in them."""
    with (shared_folder / "data" / "sentences.tsv").open(encoding="utf-8") as file:
        texts = {row["path"]: row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    with (shared_folder / "mfa" / "dev_words.tsv").open(encoding="utf-8") as file:
        words = list(csv.DictReader(file, delimiter="\t"))

    def load(paths: list[str]) -> tuple[pa.Table, pa.Table]:
        utterances = [
            {
                "utterance_id": path,
                "source": path,
                "text": texts[path],
                "audio": (shared_folder / "data" / path).read_bytes(),
            }
            for path in paths
        ]
        reference = [
            {
                "utterance_id": word["path"],
                "index": int(word["index"]),
                "word": word["word"],
                "start_s": float(word["start_s"]),
                "end_s": float(word["end_s"]),
                "score": math.nan,
                "phone_duration_deviation": math.nan,
                "disagreement_s": math.nan,
                "aligner": "mfa",
            }
            for word in words
            if word["path"] in set(paths)
        ]
        return pa.Table.from_pylist(utterances), pa.Table.from_pylist(reference, schema=WORDS)

    return load


def test_real_sentences_agree_with_the_montreal_forced_aligner(
    shared_folder: Path, real: Callable[[list[str]], tuple[pa.Table, pa.Table]]
) -> None:
    with (shared_folder / "data" / "sentences.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    # one sentence each of 30 speakers, on whom no setting was chosen
    speakers = sorted({row["speaker"] for row in rows if row["speaker"].startswith("an4-")})[1::2]
    long = {row["speaker"]: row["path"] for row in rows if len(row["text"].split()) >= 4}
    utterances, reference = real([long[speaker] for speaker in speakers if speaker in long][:30])
    output = align(utterances)
    assert output.quarantine.num_rows == 0
    found = compare_words(output.table, reference)
    assert found.words > 140
    assert found.missing_in_a == found.missing_in_b == 0
    assert max(found.starts.median_ms, found.ends.median_ms) <= 20
    assert found.starts.share_over_100_ms < 0.03
    assert found.ends.share_over_100_ms < 0.045


def test_words_in_no_dictionary_are_aligned_by_their_letters(
    real: Callable[[list[str]], tuple[pa.Table, pa.Table]],
) -> None:
    utterances, reference = real(["sentences/librispeech_train-clean-100/248/248-130644-0000.flac"])
    assert {"pennicote", "gwendolen"} <= set(transcript(utterances))
    found = compare_words(align(utterances).table, reference)
    assert found.missing_in_a == found.missing_in_b == 0
    assert found.starts.share_over_100_ms < 0.1


@pytest.mark.parametrize("name", ["mmap/cen8-mmap-b", "mdxs/cen7-mdxs-b", "fash/cen7-fash-b"])
def test_a_last_word_that_the_first_search_drops_is_found(
    name: str, real: Callable[[list[str]], tuple[pa.Table, pa.Table]]
) -> None:
    utterances, reference = real([f"sentences/an4_train/{name}.flac"])
    words = [word.word for word in AlignmentDecoder(*SEARCHES[0]).words(padded(utterances), transcript(utterances))]
    assert len(words) == len(transcript(utterances)) - 1
    found = compare_words(align(utterances).table, reference)
    assert found.missing_in_a == 0
    assert found.starts.share_over_100_ms == 0


def test_aligners_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aligner_version("pocketsphinx") >= 1
    with pytest.raises(ConfigError, match="aligner 'htk' is unknown; pocketsphinx, mfa and whole_clip are accepted"):
        build_aligner("htk", AlignmentConfig())
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(AlignmentError, match="pocketsphinx is not installed: pip install"):
        build_aligner("pocketsphinx", AlignmentConfig())
