"""The MFA adapter on the recorded output of the real program, or on the program itself where `KWS_MFA` names it."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from mfa_case import OUT_OF_VOCABULARY, REAL, RECORDED, MfaCase, make_case, reasons, recorded_utterances, words_of

from kws_core.alignment.mfa.dictionary import FileLexicon, count_words, dictionary_coverage
from kws_core.alignment.mfa.output import read_alignment, read_analysis
from kws_core.errors import AlignmentError
from kws_core.schemas import QUARANTINE, WORDS, check_schema

pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="../shared/mfa is absent")
replayed = pytest.mark.skipif(bool(REAL), reason="the figures are those of the recorded model")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MfaCase:
    return make_case(tmp_path, monkeypatch.setenv)


def test_all_forty_utterances_are_accounted_for(case: MfaCase) -> None:
    utterances = recorded_utterances()
    output = case.align(utterances)
    check_schema(output.table, WORDS, "words")
    check_schema(output.quarantine, QUARANTINE, "quarantine")
    texts = dict(zip(utterances["utterance_id"].to_pylist(), utterances["text"].to_pylist(), strict=True))
    found, rejected = words_of(output), reasons(output)
    assert "too far from it" in rejected.pop("confbridge-join.wav")
    assert rejected.keys() == {
        "demo-thanks.wav word 10",
        "lowercase.wav word 0",
        "spy-dahdi.wav word 0",
        "spy-mgcp.wav word 0",
        "vm-undeleted.wav word 1",
    }
    assert all(reason.endswith("is in no dictionary") for reason in rejected.values())
    # the neighbours of a word in no dictionary are kept, at their places
    assert found["vm-undeleted"] == [(0, "message")]
    lost = {"confbridge-join", "lowercase", "spy-dahdi", "spy-mgcp"}
    assert found.keys() == texts.keys() - lost
    for name, words in found.items():
        said = [(index, word) for index, word in enumerate(texts[name].split()) if word not in OUT_OF_VOCABULARY]
        assert words == said
    assert not list(case.folder.glob("kws-mfa-*")), "work folders are gone"


@replayed
def test_times_and_scores_are_those_of_mfa_without_its_rounding_noise(case: MfaCase) -> None:
    rows = case.align(recorded_utterances(["vm-undeleted", "conf-locked"])).table.to_pylist()
    message = next(row for row in rows if row["word"] == "message")
    assert (message["start_s"], message["end_s"]) == (0.13, 0.7)  # 0.12999999523162842 and 0.699999988079071 in json
    assert message["score"] == -52.00845947265625
    assert message["phone_duration_deviation"] == 1.175695994213138
    assert message["aligner"] == "mfa"


@replayed
@pytest.mark.parametrize("output_format", ["long_textgrid", "short_textgrid"])
def test_every_output_format_gives_the_same_words(case: MfaCase, output_format: str) -> None:
    utterances = recorded_utterances(["vm-undeleted", "conf-locked", "agent-pass", "demo-thanks"])
    one, other = (case.align(utterances, output_format=name).table for name in (output_format, "json"))
    unset = ["disagreement_s"]  # NaN is not equal to itself
    assert one.num_rows > 20
    assert one.drop_columns(unset).equals(other.drop_columns(unset))


def test_the_recorded_textgrids_hold_what_the_recorded_json_holds() -> None:
    files = sorted((RECORDED / "aligned_json" / "allison").glob("*.json"))
    assert len(files) == 39
    for path in files:
        grid = RECORDED / "aligned_long_textgrid" / "allison" / f"{path.stem}.TextGrid"
        assert read_alignment(grid) == read_alignment(path)


def test_the_recorded_analysis_marks_the_unaligned_utterance() -> None:
    analysis = read_analysis(RECORDED / "aligned_json" / "alignment_analysis.csv")
    assert len(analysis) == 40
    assert [name for name, figures in analysis.items() if not figures.aligned] == ["confbridge-join"]
    assert analysis["vm-next"].speech_log_likelihood == -49.0622314453125


def test_coverage_counts_words_where_mfa_counts_letters() -> None:
    console = (RECORDED / "logs" / "pack_oov.log").read_text(encoding="utf-8")
    assert "19 OOV word types" in console, "what MFA says of five words"
    lexicon = FileLexicon(RECORDED / "dictionary.dict")
    counts = count_words(recorded_utterances()["text"].to_pylist(), "en", lexicon)
    coverage = dictionary_coverage(counts, lexicon)
    assert set(coverage.unknown) == OUT_OF_VOCABULARY
    assert (coverage.types - coverage.known_types, coverage.tokens - coverage.known_tokens) == (5, 5)
    assert coverage.tokens == counts.total() == sum(counts.values())
    assert coverage.token_share == 1 - 5 / coverage.tokens


def test_coverage_of_nothing_is_whole() -> None:
    coverage = dictionary_coverage(Counter(), FileLexicon(RECORDED / "dictionary.dict"))
    assert (coverage.type_share, coverage.token_share) == (1.0, 1.0)


def test_a_file_with_several_speakers_is_read_by_speaker(tmp_path: Path) -> None:
    text = (RECORDED / "aligned_long_textgrid" / "allison" / "spy-dahdi.TextGrid").read_text(encoding="utf-8")
    one = tmp_path / "one.TextGrid"
    one.write_text(text.replace('"words"', '"ann - words"').replace('"phones"', '"ann - phones"'), encoding="utf-8")
    assert [word.label for word in read_alignment(one).words] == ["dahdi"]
    assert read_alignment(one, "ann") == read_alignment(one)
    with pytest.raises(AlignmentError, match="no tier 'bob - words'; it has 'ann - words', 'ann - phones'"):
        read_alignment(one, "bob")


@pytest.mark.parametrize("content", ["", "{}", '{"tiers": {"words": {"entries": [[0, "x", "yes"]]}}}', "[1"])
@pytest.mark.parametrize("extension", ["json", "TextGrid"])
def test_files_that_are_no_alignments_are_named(tmp_path: Path, content: str, extension: str) -> None:
    path = tmp_path / f"x.{extension}"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AlignmentError, match=rf"x\.{extension}"):
        read_alignment(path)


def test_a_table_that_is_no_analysis_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "alignment_analysis.csv"
    path.write_text("file,begin\nx,0\n", encoding="utf-8")
    with pytest.raises(AlignmentError, match="lacks the column overall_log_likelihood, speech_log_likelihood"):
        read_analysis(path)
    lines = (RECORDED / "aligned_json" / "alignment_analysis.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.reader(lines))
    rows[1][4] = "loud"
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    with pytest.raises(AlignmentError, match="'loud' where a number belongs"):
        read_analysis(path)


@replayed
def test_only_options_of_mfa_are_passed(case: MfaCase) -> None:
    """Unknown options are silently accepted by MFA, so none may be."""
    case.align(recorded_utterances(["conf-locked"]), beam=100, retry_beam=400, single_speaker=True, jobs=2)
    (call,) = case.calls()
    arguments = call["arguments"]
    assert arguments[2].endswith("dictionary.dict")
    assert arguments[3] == str(case.model)
    assert json.dumps(arguments[5:]) == json.dumps(
        "--output_format json --num_jobs 2 --clean --single_speaker --beam 100 --retry_beam 400".split()
    )
