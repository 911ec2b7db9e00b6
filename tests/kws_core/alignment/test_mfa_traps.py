"""One test for every trap that MFA is known to set; see the package `kws_core.alignment.mfa`."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mfa_case import (
    REAL,
    RECORDED,
    REPLAY,
    MfaCase,
    make_case,
    noise,
    reasons,
    recorded_utterances,
    table,
    utterance,
    words_of,
)

from kws_core.alignment import build_aligner
from kws_core.alignment.mfa.program import MfaProgram, complaint
from kws_core.errors import AlignmentError

pytestmark = [
    pytest.mark.skipif(bool(REAL), reason="these transcripts are for the stand-in"),
    pytest.mark.skipif(sys.platform == "win32", reason="process groups"),
]
recorded = pytest.mark.skipif(not RECORDED.exists(), reason="../shared/mfa is absent")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MfaCase:
    made = make_case(tmp_path, monkeypatch.setenv)
    made.dictionary = tmp_path / "words.dict"
    made.dictionary.write_text("yes\tY EH1 S\nno\tN OW1\ngo\t0.9\tG OW1\n<unk>\tspn\n", encoding="utf-8")
    return made


def test_stale_cache_of_a_folder_of_the_same_name_is_never_used(case: MfaCase) -> None:
    first = case.align(table([utterance("a", "yes no", noise(0))]))
    again = case.align(table([utterance("a", "no yes go", noise(0)), utterance("b", "go", noise(1))]))
    assert words_of(first) == {"a": [(0, "yes"), (1, "no")]}
    assert words_of(again) == {"a": [(0, "no"), (1, "yes"), (2, "go")], "b": [(0, "go")]}
    calls = case.calls()
    assert len({call["root"] for call in calls}) == 2
    assert all("--clean" in call["arguments"] for call in calls)


def test_the_stand_in_does_set_the_trap_of_the_stale_cache(case: MfaCase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the test above could not fail."""
    monkeypatch.setenv("MFA_ROOT_DIR", str(case.folder / "root"))
    for number, text in enumerate(("yes", "no")):
        corpus = case.folder / f"{number}" / "corpus"
        (corpus / "s").mkdir(parents=True)
        (corpus / "s" / "x.lab").write_text(text)
        import soundfile

        soundfile.write(corpus / "s" / "x.wav", noise(0), 16000)
        output = case.folder / f"{number}" / "out"
        command = [sys.executable, str(REPLAY), "align", corpus, case.dictionary, case.model, output]
        subprocess.run([*command, "--output_format", "json"], check=True, capture_output=True)
        assert '"yes"' in (output / "s" / "x.json").read_text()


def test_garbage_and_empty_audio_never_reach_a_run(case: MfaCase) -> None:
    rows = [
        utterance("good", "yes", noise(0)),
        utterance("garbage", "yes", noise(1), audio=b"no audio at all"),
        utterance("empty", "yes", noise(2), audio=b""),
        utterance("truncated", "yes", noise(3, 2.0), audio=utterance("x", "", noise(3, 2.0))["audio"][:9000]),
    ]
    output = case.align(table(rows))
    found = reasons(output)
    assert words_of(output).keys() | {source.removesuffix(".wav") for source in found} == {
        "good",
        "garbage",
        "empty",
        "truncated",
    }
    assert "cannot be decoded" in found["garbage.wav"]
    assert "cannot be decoded" in found["empty.wav"]
    assert len(case.calls()) == 1


def test_empty_transcripts_and_very_short_audio_have_their_reasons(case: MfaCase) -> None:
    rows = [
        utterance("good", "yes", noise(0)),
        utterance("empty", "?!", noise(1)),
        utterance("short", "yes", noise(2, 0.049)),
        utterance("just", "yes", noise(3, 0.05)),
    ]
    output = case.align(table(rows))
    assert words_of(output).keys() == {"good", "just"}
    assert reasons(output) == {
        "empty.wav": "the transcript has no words",
        "short.wav": "it lasts 49 ms; MFA aligns nothing under 50 ms",
    }


@recorded
def test_a_transcript_too_far_from_the_audio_is_missed_without_a_message(case: MfaCase) -> None:
    case.dictionary = RECORDED / "dictionary.dict"
    rows = recorded_utterances(["conf-locked", "confbridge-join"])
    output = case.align(rows)
    assert words_of(output).keys() == {"conf-locked"}
    assert reasons(output) == {
        "confbridge-join.wav": "MFA finds no path through the audio: the transcript is too far from it"
    }


def test_if_all_fail_the_exit_status_is_no_failure_of_the_run(case: MfaCase) -> None:
    if not RECORDED.exists():
        pytest.skip("../shared/mfa is absent")
    case.dictionary = RECORDED / "dictionary.dict"
    output = case.align(recorded_utterances(["confbridge-join"]))
    assert output.table.num_rows == 0
    assert "too far from it" in reasons(output)["confbridge-join.wav"]
    assert len(case.calls()) == 1, "it is not tried again"


@recorded
def test_wrong_text_of_the_right_length_has_another_score(case: MfaCase) -> None:
    case.dictionary = RECORDED / "dictionary.dict"
    right = recorded_utterances(["conf-locked"])
    wrong = right.to_pylist()[0] | {"text": "messages afraid about advanced"}
    scores = [case.align(rows).table["score"].to_pylist()[0] for rows in (right, table([wrong]))]
    assert scores[0] > scores[1]


def test_a_word_in_no_dictionary_is_rejected_and_its_neighbours_are_kept(case: MfaCase) -> None:
    output = case.align(table([utterance("a", "Yes, Zorblax no!", noise(0))]))
    assert words_of(output) == {"a": [(0, "yes"), (2, "no")]}
    assert reasons(output) == {"a.wav word 1": "'zorblax' is in no dictionary"}
    assert not any("--ignore_oovs" in call["arguments"] for call in case.calls()), "it would drop the whole file"


def test_words_that_the_dictionary_lacks_are_pronounced_by_a_g2p_model(case: MfaCase) -> None:
    output = case.align(table([utterance("a", "yes zorblax no", noise(0))]), g2p_model=str(case.model))
    assert words_of(output) == {"a": [(0, "yes"), (1, "zorblax"), (2, "no")]}
    assert output.quarantine.num_rows == 0
    (call,) = case.calls("g2p")
    assert call["arguments"][4:] == ["--num_jobs", "1", "--clean"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"acoustic_model": "no/such.zip"}, "alignment.mfa.acoustic_model: no/such.zip does not exist"),
        ({"g2p_model": "no/such.zip"}, "alignment.mfa.g2p_model: no/such.zip does not exist"),
        ({"dictionary": "no/such.dict"}, "no/such.dict: the dictionary cannot be read: No such file"),
        ({"acoustic_model": ""}, "alignment.mfa.acoustic_model is empty"),
        ({"version": "2.2.17"}, "MFA is version 3.4.3, not 2.2.17"),
        ({"command": ("no-such-mfa",)}, "MFA cannot be started on .*: 'no-such-mfa': No such file.*infra/mfa"),
        ({"command": ("false",)}, "MFA does not tell its version: exit status 1 and no message"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(case: MfaCase, fields: dict, message: str) -> None:
    with pytest.raises(AlignmentError, match=message):
        case.align(table([utterance("a", "yes", noise(0))]), **fields)
    assert not case.calls()


def test_exit_status_2_is_an_error_of_ours_and_not_of_the_utterances(case: MfaCase) -> None:
    program = MfaProgram((sys.executable, str(REPLAY)), "3.4.3", 60)
    arguments = ["align", str(case.folder / "nothing"), "d", "m", "o"]
    with pytest.raises(AlignmentError, match=r"mfa align refuses its arguments: .*nothing does not exist"):
        program.run(arguments, case.folder / "root")


def test_a_model_that_is_none_stops_the_run_and_blames_no_utterance(case: MfaCase) -> None:
    case.model.write_bytes(b"no archive")
    with pytest.raises(AlignmentError, match=r"failed in all 4 runs of 2 utterances: ModelLoadError: .* is not an a"):
        case.align(table([utterance("a", "yes", noise(0)), utterance("b", "no", noise(1))]))


def test_speakers_and_files_whose_names_collide_stay_apart(case: MfaCase) -> None:
    rows = [
        utterance("../x", "yes", noise(0), speaker="a/x/spk1"),
        utterance("x", "no", noise(1), speaker="b/spk1"),
        utterance("X", "go", noise(2), speaker="spk1"),
        utterance("x.wav\n", "yes no", noise(3), speaker=""),
        utterance("é" * 200, "no no", noise(4), speaker="é" * 200),
    ]
    output = case.align(table(rows))
    assert words_of(output) == {
        "../x": [(0, "yes")],
        "x": [(0, "no")],
        "X": [(0, "go")],
        "x.wav\n": [(0, "yes"), (1, "no")],
        "é" * 200: [(0, "no"), (1, "no")],
    }


def test_an_utterance_id_that_is_listed_twice_is_aligned_once(case: MfaCase) -> None:
    rows = [utterance("a", "yes", noise(0)), utterance("a", "no", noise(1), source="other.wav")]
    output = case.align(table(rows))
    assert words_of(output) == {"a": [(0, "yes")]}
    assert reasons(output) == {"other.wav": "the utterance id 'a' is listed twice"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NEW-Password: YES!", ["new", "password", "yes"]),
        ("\ufeffyes", ["yes"]),
        ("[go] <no> {yes}", ["go", "no", "yes"]),
        ("don\u2019t", ["don't"]),
        ("caf\u00e9 na\u00efve", ["caf\u00e9", "na\u00efve"]),
    ],
)
def test_words_come_back_one_to_one(case: MfaCase, text: str, words: list[str]) -> None:
    extra = "".join(f"{word}\tAH\n" for word in {"new", "password", "don't", "café", "naïve"})
    case.dictionary.write_text(case.dictionary.read_text(encoding="utf-8") + extra, encoding="utf-8")
    output = case.align(table([utterance("a", text, noise(0))]))
    assert words_of(output) == {"a": list(enumerate(words))}


def test_a_run_that_takes_too_long_is_killed_with_all_its_processes(case: MfaCase) -> None:
    case.dictionary.write_text("yes\tY\nslowword\tS\n", encoding="utf-8")
    rows = [utterance("a", "yes", noise(0)), utterance("b", "slowword", noise(1))]
    output = case.align(table(rows), time_limit_s=1.5)
    assert words_of(output).keys() == {"a"}
    assert reasons(output) == {"b.wav": "MFA fails on it: it took longer than 1.5 s"}
    assert_gone(int(Path(os.environ["KWS_MFA_REPLAY_LOG"] + ".child").read_text()))


def test_an_interrupted_run_leaves_no_process_and_no_folder(case: MfaCase) -> None:
    """Ray interrupts a task that it cancels."""
    script = (
        "import signal, sys, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored\n"
        "from mfa_case import *\n"
        "case = MfaCase(*map(pathlib.Path, sys.argv[2:5]))\n"
        "case.align(table([utterance('a', 'slowword', noise(0))]))\n"
    )
    arguments = [str(REPLAY.parent), str(case.folder), str(case.model), str(case.dictionary)]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stderr=subprocess.PIPE)
    child = Path(os.environ["KWS_MFA_REPLAY_LOG"] + ".child")
    deadline = time.monotonic() + 30
    while not child.exists() or not child.read_text():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    assert_gone(int(child.read_text()))
    assert not list(case.folder.glob("kws-mfa-*"))


def assert_gone(process: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                time.sleep(0.05)
                continue
        return
    pytest.fail(f"process {process} still runs")


def test_one_bad_file_never_costs_a_part(case: MfaCase) -> None:
    case.dictionary.write_text("yes\tY\ncrashword\tK\n", encoding="utf-8")
    rows = [utterance(f"u{n}", "yes", noise(n), speaker=f"s{n % 3}") for n in range(9)]
    rows[4] |= {"text": "crashword"}
    output = case.align(table(rows))
    assert words_of(output).keys() == {f"u{n}" for n in range(9)} - {"u4"}
    assert reasons(output) == {"u4.wav": "MFA fails on it: KaldiProcessingError: a job died"}


def test_a_passing_failure_costs_a_second_run_and_nothing_else(case: MfaCase) -> None:
    case.dictionary.write_text("yes\tY\nflakyword\tF\n", encoding="utf-8")
    output = case.align(table([utterance("a", "yes", noise(0)), utterance("b", "flakyword", noise(1))]))
    assert words_of(output).keys() == {"a", "b"}
    assert len(case.calls()) == 2


def test_another_language_in_the_corpus_is_rejected(case: MfaCase) -> None:
    rows = [utterance("a", "yes", noise(0)), utterance("b", "no", noise(1)), utterance("c", "go", noise(2))]
    rows[2] |= {"language": "de"}
    output = case.align(table(rows))
    assert reasons(output) == {"c.wav": "its language is de; the corpus is in en"}


def test_a_language_without_a_dictionary_is_refused(case: MfaCase) -> None:
    rows = table([utterance("a", "ja", noise(0), language="de")])
    with pytest.raises(AlignmentError, match=r"language 'de' has no dictionary: set alignment\.mfa\.dict"):
        case.align(rows, dictionary="cmudict")


def test_an_empty_part_needs_no_run(case: MfaCase) -> None:
    output = case.align(table([]))
    assert (output.table.num_rows, output.quarantine.num_rows, case.calls()) == (0, 0, [])


def test_aligners_are_built_by_name(case: MfaCase) -> None:
    assert build_aligner("mfa", case.config()).name == "mfa"


@pytest.mark.parametrize(
    ("printed", "error"),
    [
        (
            "Traceback:\n  x\nmodule.SoundFileError: \n\nReading u.wav fails",
            "module.SoundFileError: Reading u.wav fails",
        ),
        ("\x1b[31m\u2502 Invalid value \u2502\x1b[0m", "Invalid value"),
        ("40% \u2501\u2501\u2501 40/100\n ERROR  There was an error in the run", "ERROR There was an error in the run"),
        ("", ""),
    ],
)
def test_the_error_is_found_in_what_mfa_prints(printed: str, error: str) -> None:
    assert complaint(printed) == error


def test_an_analysis_that_is_missing_is_a_failed_run(case: MfaCase) -> None:
    wrapper = case.folder / "mfa"
    wrapper.write_text(
        f'#!/bin/sh\n"{sys.executable}" "{REPLAY}" "$@" || exit $?\n'
        '[ "$1" = align ] && rm "$5/alignment_analysis.csv"\nexit 0\n'
    )
    wrapper.chmod(0o755)
    with pytest.raises(
        AlignmentError, match=r"failed in all 2 runs of 1 utterances: it wrote no alignment_analysis.csv"
    ):
        case.align(table([utterance("a", "yes", noise(0))]), command=(str(wrapper),))


def test_what_mfa_leaves_out_of_its_analysis_is_accounted_for(case: MfaCase) -> None:
    wrapper = case.folder / "mfa"
    wrapper.write_text(
        f'#!/bin/sh\n"{sys.executable}" "{REPLAY}" "$@" || exit $?\n'
        '[ "$1" = align ] && sed -i 3d "$5/alignment_analysis.csv" && rm "$5"/*/*"$(cat \'%s\')"*\nexit 0\n'
        % (case.folder / "left_out")
    )
    wrapper.chmod(0o755)
    from kws_core.fingerprint import sha256

    names = {name: f"u{sha256(name.encode())[:24]}" for name in ("a", "b")}
    last = max(names, key=lambda name: names[name])
    (case.folder / "left_out").write_text(names[last])
    output = case.align(table([utterance(n, "yes", noise(i)) for i, n in enumerate(names)]), command=(str(wrapper),))
    assert words_of(output).keys() == names.keys() - {last}
    assert reasons(output) == {f"{last}.wav": "MFA left it out: neither an alignment nor a line of its analysis"}
