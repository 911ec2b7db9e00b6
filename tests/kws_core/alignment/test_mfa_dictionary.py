import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mfa_case import REAL, MfaCase, make_case, noise, table, utterance

from kws_core.alignment.mfa.dictionary import (
    EnglishLexicon,
    FileLexicon,
    count_words,
    dictionary_coverage,
    open_lexicon,
    write_dictionary,
)
from kws_core.alignment.mfa.program import MfaProgram
from kws_core.alignment.mfa.training import train_acoustic_model
from kws_core.alignment.mfa.vocabulary import vocabulary
from kws_core.config import AlignmentConfig, MfaConfig
from kws_core.errors import AlignmentError

imitated = pytest.mark.skipif(bool(REAL), reason="these transcripts are for the stand-in")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MfaCase:
    return make_case(tmp_path, monkeypatch.setenv)


def test_a_dictionary_may_have_tabs_spaces_probabilities_variants_and_its_own_entries(tmp_path: Path) -> None:
    path = tmp_path / "x.dict"
    path.write_text("\ufeffYes\t0.9\t0.1\tY EH1 S\nyes\tY AE S\nno  N OW\n\n<unk>\tspn\nno N OW\n", encoding="utf-8")
    lexicon = FileLexicon(path)
    assert lexicon.lookup("yes") == ("0.9\t0.1\tY EH1 S", "Y AE S")
    assert lexicon.lookup("no") == ("N OW",)
    assert lexicon.lookup("maybe") == ()
    assert lexicon.special() == {"<unk>": ("spn",)}
    written = write_dictionary(tmp_path / "y.dict", {"yes": lexicon.lookup("yes")}, lexicon.special())
    assert written.read_bytes() == b"<unk>\tspn\nyes\t0.9\t0.1\tY EH1 S\nyes\tY AE S\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"yes\n", r"x\.dict: line 1 is 'yes'; WORD<TAB>PHONES is accepted"),
        (b"yes\tY\nno\t\n", r"x\.dict: line 2 is 'no'"),
        (b"caf\xe9\tK\n", r"x\.dict: the dictionary is not UTF-8 \(byte 3\)"),
        (b"<unk>\tspn\n", r"x\.dict: the dictionary has no words"),
        (b"", r"x\.dict: the dictionary has no words"),
    ],
)
def test_what_is_no_dictionary_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.dict"
    path.write_bytes(content)
    with pytest.raises(AlignmentError, match=message):
        FileLexicon(path)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text("abc ", min_size=1), max_size=8))
def test_coverage_adds_up(texts: list[str]) -> None:
    lexicon = EnglishLexicon()
    counts = count_words(texts, "en", lexicon)
    coverage = dictionary_coverage(counts, lexicon)
    assert coverage.tokens == sum(len(text.split()) for text in texts)
    assert coverage.known_types + len(coverage.unknown) == coverage.types
    assert coverage.known_tokens + sum(counts[word] for word in coverage.unknown) == coverage.tokens


def test_the_most_frequent_unknown_word_comes_first() -> None:
    counts = Counter({"qqxqa": 2, "qqxqb": 5, "yes": 1})
    assert dictionary_coverage(counts, EnglishLexicon()).unknown == ("qqxqb", "qqxqa")


def test_transcripts_that_cannot_be_read_are_no_words() -> None:
    assert count_words(["ja 3", "nein"], "de", EnglishLexicon()) == Counter({"nein": 1})


def test_english_has_a_dictionary_without_stress() -> None:
    lexicon = open_lexicon(MfaConfig(), "en-GB")
    assert "K IH CH AH N" in lexicon.lookup("kitchen")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"acoustic_model": "x.zip"}, "dictionary is empty: name the one that has its phones"),
        ({"g2p_model": "x.zip"}, "name the dictionary that has its phones"),
        ({"command": ()}, "at least 1 item"),
        ({"numb_jobs": 2}, "not permitted"),
    ],
)
def test_settings_that_do_not_fit_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MfaConfig(**fields)


def test_how_mfa_is_run_decides_no_alignment() -> None:
    running = MfaConfig(command=("x",), jobs=4, max_runs=3, work_folder="w", output_format="long_textgrid")
    assert AlignmentConfig(mfa=running).content("mfa") == AlignmentConfig().content("mfa")
    for fields in ({"beam": 100}, {"single_speaker": True}, {"version": "3.5.0"}):
        assert AlignmentConfig(mfa=MfaConfig(**fields)).content("mfa") != AlignmentConfig().content("mfa")
        assert AlignmentConfig(mfa=MfaConfig(**fields)).content("x") == AlignmentConfig().content("x")


@imitated
def test_a_model_is_trained_on_what_can_be_used(case: MfaCase) -> None:
    parts = [
        table([utterance("a", "yes", noise(0)), utterance("b", "", noise(1))]),
        table([utterance("c", "no", noise(2)), utterance("d", "go", noise(3), audio=b"garbage")]),
    ]
    model = train_acoustic_model(iter(parts), case.config().mfa, "en")
    (case.folder / "trained.zip").write_bytes(model)
    with zipfile.ZipFile(case.folder / "trained.zip") as archive:
        assert archive.read("meta.json") == b'{"files": 2}'
    (call,) = case.calls("train")
    assert call["arguments"][4:] == ["--num_jobs", "1", "--clean"]
    with pytest.raises(AlignmentError, match="no utterance can train an acoustic model"):
        train_acoustic_model([parts[0].slice(1)], case.config().mfa, "en")
    with pytest.raises(AlignmentError, match="mfa train fails on 1 utterances: KaldiProcessingError: a job died"):
        train_acoustic_model([table([utterance("a", "crashword", noise(0))])], case.config().mfa, "en")


def test_english_words_that_no_dictionary_lists_are_pronounced_by_rules(tmp_path: Path) -> None:
    lexicon = open_lexicon(MfaConfig(), "en")
    assert not lexicon.lookup("foundryless")
    config, program = MfaConfig(), MfaProgram("mfa", "3.4.3", 60)
    found = vocabulary(program, config, lexicon, [("go", "foundryless")], tmp_path)
    assert found == {"go": ("G OW",), "foundryless": ("F AW N D R IY L AH S",)}

    listed = tmp_path / "own.dict"
    listed.write_text("go\tG OW\n")
    own = MfaConfig(dictionary=str(listed))
    # a dictionary of one's own may have other phones than the rules
    assert set(vocabulary(program, own, open_lexicon(own, "en"), [("go", "foundryless")], tmp_path)) == {"go"}
