#!/usr/bin/env python3
"""A stand-in for the program `mfa`: replays the recorded real output of MFA 3.4.3, and behaves as it is known to.

Recordings are told by the SHA-256 of their samples, whatever their names are. `KWS_MFA_REPLAY` is the folder of
recorded files, and `KWS_MFA_REPLAY_LOG`, where set, a file to which each call's arguments go. What MFA does in odd
cases is imitated: state kept under `MFA_ROOT_DIR/<basename of the corpus folder>` and used again without `--clean`,
an abort at unreadable audio, silence about what is left out, unknown options accepted, exit statuses. Three words in
a transcript make the program itself misbehave: `crashword` fails every run that holds it, `slowword` never ends, and
`flakyword` fails the first run only.
"""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import wave
import zipfile
from functools import cache
from pathlib import Path

RECORDED = Path(os.environ.get("KWS_MFA_REPLAY", "/nonexistent"))
COLUMNS = (
    "file begin end speaker overall_log_likelihood speech_log_likelihood phone_duration_deviation "
    "max_running_short_interval snr intensity_deviation"
).split()
FLAGS = {"--clean", "--single_speaker"}
EXTENSIONS = {"json": "json", "long_textgrid": "TextGrid", "short_textgrid": "TextGrid", "csv": "csv"}


def main(arguments: list[str]) -> int:
    if log := os.environ.get("KWS_MFA_REPLAY_LOG"):
        with Path(log).open("a", encoding="utf-8") as file:
            call = {"arguments": arguments, "root": os.environ.get("MFA_ROOT_DIR", ""), "pid": os.getpid()}
            file.write(json.dumps(call) + "\n")
    command, *rest = arguments
    if command == "version":
        print(os.environ.get("KWS_MFA_REPLAY_VERSION", "3.4.3"))
        return 0
    positional, options = parse(rest)
    return {"align": align, "train": train, "g2p": g2p}[command](positional, options)


def parse(rest: list[str]) -> tuple[list[str], dict[str, str]]:
    """MFA takes any option that it does not know, with the word that follows."""
    positional, options = [], {}
    words = iter(rest)
    for word in words:
        if word in FLAGS:
            options[word] = "yes"
        elif word.startswith("--"):
            options[word] = next(words, "")
        else:
            positional.append(word)
    return positional, options


def refuse(message: str) -> int:
    print(f"Usage: mfa\n\u256d\u2500 Error \u2500\u256e\n\u2502 {message} \u2502\n\u2570\u2500\u256f", file=sys.stderr)
    return 2


def abort(error: str, message: str) -> int:
    print(f'Traceback (most recent call last):\n  File "x.py", line 1\n{error}: {message}', file=sys.stderr)
    return 1


def align(positional: list[str], options: dict[str, str]) -> int:
    corpus, dictionary, model, output = map(Path, positional)
    for path in (corpus, dictionary, model):
        if not path.exists():
            return refuse(f"Invalid value: {path} does not exist")
    if not zipfile.is_zipfile(model):
        return abort("ModelLoadError", f"{model} is not an acoustic model")
    # the trap: the state of an earlier corpus folder of this name is taken for this one's
    state = Path(os.environ.get("MFA_ROOT_DIR", Path.home() / "Documents" / "MFA")) / corpus.name
    if "--clean" in options:
        shutil.rmtree(state, ignore_errors=True)
    if (state / "corpus").exists():
        corpus = state / "corpus"
    else:
        shutil.copytree(corpus, state / "corpus")
    files = sorted(corpus.rglob("*.wav"))
    if not files:
        return abort("CorpusReadError", "There were no sound files in the corpus")
    known = {line.split("\t")[0] for line in dictionary.read_text(encoding="utf-8").splitlines()}
    try:
        found = [item for path in files if (item := align_file(path, known)) is not None]
    except wave.Error as error:
        return abort("SoundFileError", str(error))
    except EOFError:
        return abort("SoundFileError", "the file is empty")
    except CrashError as error:
        return abort("KaldiProcessingError", str(error))
    if not any(words for _, words, _, _ in found):
        return abort(
            "montreal_forced_aligner.exceptions.NoAlignmentsError",
            f"NoAlignmentsError:\n\nThere were no successful alignments for {len(found)} utterances.",
        )
    output.mkdir(parents=True, exist_ok=True)
    write(output, found, options.get("--output_format", "long_textgrid"))
    print(f" INFO     Found {len({path.parent.name for path in files})} speaker across {len(files)} files")
    print(" INFO     Done! Everything took 23.6 seconds")
    return 0


class CrashError(Exception):
    """The program's own failure."""


def align_file(path: Path, known: set[str]) -> tuple[Path, list, list, dict] | None:
    """Path, words, phones and scores of a file; words are empty where MFA finds no path; None: it is left out."""
    with wave.open(str(path)) as file:
        samples, duration = file.readframes(file.getnframes()), file.getnframes() / file.getframerate()
    transcript = path.with_suffix(".lab")
    if not transcript.exists():
        return None
    try:
        words = transcript.read_text(encoding="utf-8").lower().split()
    except UnicodeDecodeError:
        return None
    misbehave(words)
    if not words or duration < 0.05:
        return path, [], [], {"end": duration}
    recorded = recordings().get(hashlib.sha256(samples).hexdigest())
    if recorded is None:
        return path, *evenly(words, duration, known), {"end": duration}
    said = (RECORDED / "corpus" / "allison" / f"{recorded}.lab").read_text(encoding="utf-8").split()
    alignment = RECORDED / "aligned_json" / "allison" / f"{recorded}.json"
    # too far from the audio: no message, no output
    if not alignment.exists() or abs(len(words) - len(said)) > 2:
        return path, [], [], {"end": duration}
    if words != said:  # wrong text of about the right length aligns without complaint, but scores badly
        return path, *evenly(words, duration, known), {"end": duration}
    tiers = json.loads(alignment.read_text(encoding="utf-8"))["tiers"]
    entries = tiers["words"]["entries"]
    phones = tiers["phones"]["entries"]
    for start, end, word in entries:
        if word not in known:
            phones = [phone for phone in phones if not start <= (phone[0] + phone[1]) / 2 < end]
            phones.append([start, end, "spn"])
    return path, entries, sorted(phones), scores()[recorded]


def evenly(words: list[str], duration: float, known: set[str]) -> tuple[list, list]:
    """An alignment of speech that was not recorded, with MFA's noise of float32."""
    step = duration / len(words)
    places = [(i * step + 3e-9, (i + 1) * step + 2.5e-8) for i in range(len(words))]
    entries = [[a, b, word] for (a, b), word in zip(places, words, strict=True)]
    phones = [[a, b, "AH" if word in known else "spn"] for a, b, word in entries]
    return entries, phones


def misbehave(words: list[str]) -> None:
    if "crashword" in words:
        raise CrashError("a job died")
    if "flakyword" in words:
        mark = Path(os.environ["KWS_MFA_REPLAY_LOG"] + ".flaky")
        if not mark.exists():
            mark.touch()
            raise CrashError("a passing trouble")
    if "slowword" in words:
        # MFA works in processes of its own
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
        Path(os.environ["KWS_MFA_REPLAY_LOG"] + ".child").write_text(str(child.pid))
        time.sleep(120)


def write(output: Path, found: list, output_format: str) -> None:
    rows, left_out = [], []
    for path, words, phones, figures in found:
        row = dict.fromkeys(COLUMNS, "") | figures
        row |= {"file": path.stem, "begin": "0.0", "speaker": path.parent.name}
        if not words:
            row |= dict.fromkeys(COLUMNS[4:], "")
            left_out.append(row)
            continue
        if "overall_log_likelihood" not in figures:
            known = any(phone[2] != "spn" for phone in phones)
            row |= {"overall_log_likelihood": "-60.5", "speech_log_likelihood": "-61.25" if known else ""}
            row |= {"phone_duration_deviation": "2.5", "snr": "9.0"}
        rows.append(row)
        target = output / path.parent.name / f"{path.stem}.{EXTENSIONS[output_format]}"
        target.parent.mkdir(exist_ok=True)
        if output_format == "json":
            target.write_text(as_json(words, phones, figures["end"]))
        else:
            target.write_text(as_textgrid(words, phones, float(figures["end"])))
    with (output / "alignment_analysis.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows + left_out)


def as_json(words: list, phones: list, end: float) -> str:
    tiers = {"words": words, "phones": phones}
    tiers = {name: {"type": "interval", "entries": entries} for name, entries in tiers.items()}
    return json.dumps({"start": 0, "end": float(end), "tiers": tiers}, indent=4)


def as_textgrid(words: list, phones: list, end: float) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines += ["tiers? <exists> ", "size = 2 ", "item []: "]
    for number, (name, entries) in enumerate((("words", words), ("phones", phones)), start=1):
        filled, at = [], 0.0
        for start, stop, label in entries:
            start, stop = round(start, 6), min(round(stop, 6), end)
            if start > at:
                filled.append((at, start, ""))
            filled.append((start, stop, label))
            at = stop
        if at < end:
            filled.append((at, end, ""))
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += ["        xmin = 0 ", f"        xmax = {end} ", f"        intervals: size = {len(filled)} "]
        for index, (start, stop, label) in enumerate(filled, start=1):
            lines += [f"        intervals [{index}]:", f"            xmin = {start} ", f"            xmax = {stop} "]
            lines += [f'            text = "{label}" ']
    return "\n".join(lines) + "\n"


def train(positional: list[str], options: dict[str, str]) -> int:
    corpus, dictionary, model = map(Path, positional)
    for path in (corpus, dictionary):
        if not path.exists():
            return refuse(f"Invalid value: {path} does not exist")
    if any("crashword" in path.read_text(encoding="utf-8") for path in corpus.rglob("*.lab")):
        return abort("KaldiProcessingError", "a job died")
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("meta.json", json.dumps({"files": len(list(corpus.rglob("*.wav")))}))
    return 0


def g2p(positional: list[str], options: dict[str, str]) -> int:
    words, model, output = map(Path, positional)
    if not model.exists() or not zipfile.is_zipfile(model):
        return refuse(f"Invalid value: {model} is no G2P model")
    lines = [
        f"{word}\t{' '.join(word.upper())}" for word in words.read_text(encoding="utf-8").split() if word.isalpha()
    ]
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


@cache
def recordings() -> dict[str, str]:
    """Names of the recorded utterances by the SHA-256 of their samples."""
    found = {}
    for path in sorted((RECORDED / "corpus" / "allison").glob("*.wav")):
        with wave.open(str(path)) as file:
            found[hashlib.sha256(file.readframes(file.getnframes())).hexdigest()] = path.stem
    return found


@cache
def scores() -> dict[str, dict]:
    with (RECORDED / "aligned_json" / "alignment_analysis.csv").open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
