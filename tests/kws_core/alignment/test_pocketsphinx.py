import csv
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kws_core.alignment import aligner_version, build_aligner
from kws_core.audio import encode_flac
from kws_core.config import AlignmentConfig, DemoCorpusConfig, IngestConfig, ManifestCorpusConfig
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
    return {(row["utterance_id"], row["index"]): row for row in output.table.to_pylist()}


def mean_scores(output: PartOutput) -> dict[str, float]:
    scores = defaultdict(list)
    for row in output.table.to_pylist():
        scores[row["utterance_id"]].append(row["score"])
    return {name: float(np.mean(values)) for name, values in scores.items()}


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
    right, wrong = mean_scores(align(demo[0])), mean_scores(align(with_texts(demo[0], texts)))
    assert set(right) & set(wrong)
    assert all(wrong[name] < right[name] for name in set(right) & set(wrong))


def test_transcripts_that_cannot_be_aligned_are_quarantined_with_the_reason(
    demo: tuple[pa.Table, PartOutput], demo_aligned: PartOutput
) -> None:
    good = by_word(demo_aligned)
    first = next(iter(good))[0]
    row = demo[0]["utterance_id"].to_pylist().index(first)
    three = pa.concat_tables([demo[0].slice(row, 1)] * 3)
    text = three["text"][0].as_py()
    output = align(with_texts(three, [f"{text} xyzzyq qqfoo xyzzyq", "12 34", text]))
    source = three["source"][0].as_py()
    assert output.quarantine.to_pylist() == [
        {"stage": "words", "source": source, "reason": "words in no dictionary: xyzzyq, qqfoo"},
        {"stage": "words", "source": source, "reason": "the transcript has no words"},
    ]
    assert by_word(output) == {key: value for key, value in good.items() if key[0] == first}


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


def test_real_sentences_agree_with_the_montreal_forced_aligner(shared_folder: Path) -> None:
    expected: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (shared_folder / "mfa" / "dev_words.tsv").open(encoding="utf-8") as file:
        for word in csv.DictReader(file, delimiter="\t"):
            expected[word["path"]].append(word)
    data = shared_folder / "data"
    config = ManifestCorpusConfig(path=str(data / "sentences.tsv"), include=("sentences/an4_train/f*/*",))
    long = [recording for recording in plan_corpus(config) if len(recording.text.split()) >= 4]
    chosen = list({recording.speaker_id: recording for recording in long}.values())[:12]
    assert len(chosen) == 12
    utterances, _ = prepare_part("sentences", config, IngestConfig(), chosen)
    names = utterances.table["utterance_id"].to_pylist()
    paths = {name: Path(r.location).relative_to(data).as_posix() for name, r in zip(names, chosen, strict=True)}
    output = align(utterances.table)
    assert output.quarantine.num_rows <= 1
    differences = []
    for row in output.table.to_pylist():
        other = expected[paths[row["utterance_id"]]][row["index"]]
        if other["word"] == row["word"]:
            differences.append(abs(row["start_s"] - float(other["start_s"])))
    assert len(differences) > 50
    assert np.median(differences) < 0.05


def test_aligners_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aligner_version("pocketsphinx") >= 1
    with pytest.raises(ConfigError, match="aligner 'htk' is unknown; pocketsphinx, mfa and whole_clip are accepted"):
        build_aligner("htk", AlignmentConfig())
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(AlignmentError, match="pocketsphinx is not installed: pip install"):
        build_aligner("pocketsphinx", AlignmentConfig())
