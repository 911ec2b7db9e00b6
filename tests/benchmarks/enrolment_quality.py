"""What a keyword enrolled with three recordings is worth: FSDD and the Precise community wake words, as streams.

    python -m tests.benchmarks.enrolment_quality [BUNDLE] [--data ../shared/data]

FSDD: each digit is enrolled with one recording each of three speakers, and tested on all recordings of each of the
others. "computer": enrolled with three recordings of one contributor and tested on those of the other. "athena" and
"amelia" come from one contributor each: this is how a word works for the person who enrolled it. Recordings are heard
as the spotter hears them: windows every 80 ms, smoothing, the best moment of the recording. False alarms are counted
in everything that does not hold the word and is not by those who enrolled it: FSDD, the wake words, and every fourth
sentence of AN4 and LibriSpeech, most of whose speakers the encoder was trained on.

"mean" is what was done before: the cosine to the mean embedding of the examples, the threshold counted on the cohort.
"direction" is `kws_core.enrolment`. Recordings that it refuses by themselves (silent, clipped, noisy …) are counted and
teach nothing, as a user would record them again, but are tested on. Draws that it refuses as being of different words
are told and left out of both. FRR has 95 % bootstrap intervals over speakers, and false alarms an hour over words.
"""

import argparse
import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import decode_file, pcm16_to_float
from kws_core.backends.backend import Backend
from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.bundle import Bundle, load_bundle
from kws_core.cohort import Cohort
from kws_core.detector import find_peaks, smooth, stream_windows
from kws_core.enrolment import enrol
from kws_core.enrolment_direction import mean_embedding
from kws_core.enrolment_example import Example, locate_word
from kws_core.enrolment_scores import scorer
from kws_core.enrolment_threshold import TRIALS_PER_HOUR
from kws_core.errors import AudioError
from kws_core.evaluation.speaker_share import speaker_share
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.universal import universal_bundle_path

ENROLLED, DRAWS, REPLICATES = 3, 6, 1000
WISHES_PER_HOUR = (40.0, 15.0, 3.0)
FOLDERS = {"words.tsv": ("/fsdd/", "/precise_community/"), "sentences.tsv": ("",)}
EVERY_SENTENCE = 4


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording: who says what, its samples and the embeddings `[windows, dim]` of its windows."""

    path: str
    speaker: str
    text: str
    pcm: NDArray[np.float32]
    embeddings: NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """Of one enrolment at one wish: hits of the test recordings by speaker, and false alarms an hour."""

    word: str
    speakers: tuple[str, ...]
    hits: tuple[bool, ...]
    per_hour: float


def hear_all(data: Path, encoder: OnnxEncoder) -> list[Heard]:
    """Recordings of the test, embedded window by window."""
    heard = []
    for table, folders in FOLDERS.items():
        with (data / table).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        rows = [row for row in rows if any(folder in row["path"] for folder in folders)]
        for row in rows[:: EVERY_SENTENCE if table == "sentences.tsv" else 1]:
            pcm = pcm16_to_float(decode_file(data / row["path"]))
            embeddings = encoder.embed(stream_windows(pcm))
            heard.append(Heard(row["path"], row["speaker"], row["text"].lower(), pcm, embeddings))
    return heard


def is_refused(recording: Heard) -> bool:
    """Whether a recording is no example of any word."""
    try:
        locate_word(Example(recording.path, recording.pcm))
    except AudioError:
        return True
    return False


def rows_of(heard: list[Heard], word: str) -> list[int]:
    """Recordings of the word alone."""
    return [row for row, one in enumerate(heard) if one.text == word and one.path.startswith("words/")]


def draws(heard: list[Heard], word: str, own_voice: bool) -> list[tuple[list[int], list[int]]]:
    """Rows to enrol with and rows to test on; by the same contributor, or by others."""
    rows = rows_of(heard, word)
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if not is_refused(heard[row]):
            by_speaker[heard[row].speaker].append(row)
    found = []
    for draw in range(DRAWS):
        generator = np.random.default_rng([draw, len(rows)])
        names = sorted(by_speaker)
        if len(names) > ENROLLED:
            teachers = generator.permutation(names)[:ENROLLED].tolist()
            shots = [int(generator.choice(by_speaker[name])) for name in teachers]
        else:
            teachers = [names[draw % len(names)]]
            shots = generator.choice(by_speaker[teachers[0]], ENROLLED, replace=False).tolist()
        test = [row for row in rows if row not in shots and (own_voice or heard[row].speaker not in teachers)]
        found.append((shots, test))
    return found


def judge(
    heard: list[Heard], word: str, shots: list[int], test: list[int], backend: Backend, thresholds: list[float]
) -> list[Outcome]:
    """One outcome a threshold."""
    teachers = {heard[row].speaker for row in shots}
    strangers = [other for other in heard if word not in other.text.split() and other.speaker not in teachers]
    hours = sum(len(other.pcm) for other in strangers) / 16000 / 3600

    def scores(recording: Heard) -> NDArray[np.float64]:
        return smooth(np.asarray(backend.score(recording.embeddings), np.float64))

    best = np.array([scores(heard[row]).max() for row in test])
    other_scores = [scores(other) for other in strangers]
    outcomes = []
    for threshold in thresholds:
        alarms = sum(
            int(find_peaks(own, np.array([threshold])).at(0.0).sum()) for own in other_scores if own.max() >= threshold
        )
        speakers = tuple(heard[row].speaker for row in test)
        outcomes.append(Outcome(word, speakers, tuple((best >= threshold).tolist()), alarms / hours))
    return outcomes


def both_ways(
    bundle: Bundle, cohort: Cohort, encoder: OnnxEncoder, heard: list[Heard], word: str, shots: list[int]
) -> dict[str, tuple[Backend, list[float]]]:
    """The back end of each way to enrol, and its threshold at each wish; raises `AudioError` for refused examples."""
    examples = [Example(heard[row].path, heard[row].pcm) for row in shots]
    learnt = [enrol(bundle, {word: examples}, None, max_false_alarms_per_hour=wish) for wish in WISHES_PER_HOUR]
    windows = np.stack([locate_word(example).window for example in examples])
    mean = CentroidBackend((word,), mean_embedding(encoder.embed(windows))[None])
    counted = np.asarray(mean.score(cohort.without(word)), np.float64)
    none = np.zeros(counted.shape, np.bool_)
    plain = [float(calibrate_thresholds(counted, none, wish / TRIALS_PER_HOUR)[0]) for wish in WISHES_PER_HOUR]
    return {
        "mean": (mean, plain),
        "direction": (scorer(learnt[0].backend, cohort, learnt[0].top), [each.thresholds[0] for each in learnt]),
    }


def report(name: str, way: str, wish: float, outcomes: list[Outcome]) -> None:
    """One line: FRR over speakers, false alarms an hour over words."""
    hits = np.array([hit for outcome in outcomes for hit in outcome.hits], np.bool_)
    speakers = [speaker for outcome in outcomes for speaker in outcome.speakers]
    frr = speaker_share(~hits, speakers, REPLICATES, 0)
    by_word = defaultdict(list)
    for outcome in outcomes:
        by_word[outcome.word].append(outcome.per_hour)
    rates = np.array([np.mean(values) for values in by_word.values()])
    drawn = np.random.default_rng(0).choice(rates, (REPLICATES, len(rates))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    few = " (one or two speakers: no interval)" if len(set(speakers)) < 3 else f" [{frr.low:.1%}, {frr.high:.1%}]"
    spread = f" [{low:.1f}, {high:.1f}]" if len(rates) > 2 else ""
    print(
        f"{name}, {way:9}, {wish:g} an hour wished for: FRR {frr.value:.1%}{few} of {len(hits)} trials, "
        f"{rates.mean():.1f}{spread} false alarms an hour"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("bundle", nargs="?", type=Path, default=universal_bundle_path())
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments = parser.parse_args()
    if not (arguments.data / "words.tsv").exists():
        parser.error(f"{arguments.data} holds no words.tsv: name a folder with --data")
    bundle = load_bundle(arguments.bundle)
    cohort, encoder = bundle.cohort(), OnnxEncoder(bundle.encoder_path)
    heard = hear_all(arguments.data, encoder)
    print(f"{len(heard)} recordings, {sum(len(one.pcm) for one in heard) / 16000 / 3600:.2f} h")
    digits = sorted({one.text for one in heard if "/fsdd/" in one.path})
    tests = {
        "FSDD digits, other speakers": (digits, False),
        "'computer', another contributor": (["computer"], False),
        "'athena', the same contributor": (["athena"], True),
        "'amelia', the same contributor": (["amelia"], True),
    }
    for name, (words, own_voice) in tests.items():
        outcomes: dict[tuple[str, float], list[Outcome]] = defaultdict(list)
        refused, drawn = 0, 0
        for word in words:
            for shots, test in draws(heard, word, own_voice):
                drawn += 1
                try:
                    ways = both_ways(bundle, cohort, encoder, heard, word, shots)
                except AudioError:
                    refused += 1
                    continue
                for way, (backend, thresholds) in ways.items():
                    for wish, outcome in zip(
                        WISHES_PER_HOUR, judge(heard, word, shots, test, backend, thresholds), strict=True
                    ):
                        outcomes[way, wish].append(outcome)
        rows = [row for word in words for row in rows_of(heard, word)]
        bad = sum(is_refused(heard[row]) for row in rows)
        print(f"{name}: {bad} of {len(rows)} recordings refused; {refused} of {drawn} enrolments as of different words")
        for (way, wish), found in outcomes.items():
            report(name, way, wish, found)


if __name__ == "__main__":
    main()
