"""How well an encoder tells words apart that it was never trained on: FSDD and the Precise community wake words.

    python -m tests.benchmarks.universal_quality [BUNDLE] [--data ../shared/data]

FSDD: EER of pairs of different speakers (10,000 of the same digit and 10,000 of different ones), and 10-shot accuracy:
centroids of ten recordings a digit by five speakers, tested on the sixth, for each speaker, mean of 20 draws.
Wake words: each of the words with ten recordings or more is enrolled with three of them; FRR on the rest, and how many
clips of other words (Precise, FSDD) are taken for it, mean of 20 draws. Most of these words are said by one
contributor, so this is how a word works for the person who enrolled it. Intervals are 95 % bootstraps over speakers.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import decode_file, pcm16_to_float
from kws_core.backends.thresholds import calibrate_thresholds
from kws_core.bundle import COHORT, load_bundle
from kws_core.cohort import Cohort
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.evaluation.trials import summarise_trials
from kws_core.features.window import window_waveform
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.speech_span import speech_span
from kws_core.universal import universal_bundle_path

SHOTS, ENROLLED, DRAWS, PAIRS, FAR = 10, 3, 20, 10_000, 0.001


def read_words(data: Path, folder: str) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.str_]]:
    """Windows `[clips, 16000]` around the words of a folder of words.tsv, their labels and speakers."""
    with (data / "words.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if folder in row["path"]]
    windows = []
    for row in rows:
        pcm = decode_file(data / row["path"])
        start_s, end_s = speech_span(pcm) or (0.0, len(pcm) / SAMPLE_RATE_HZ)
        windows.append(
            window_waveform(pcm16_to_float(pcm), round((start_s + end_s) / 2 * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
        )
    return np.stack(windows), *(np.array([row[name].lower() for row in rows]) for name in ("text", "speaker"))


def cross_speaker_pairs(
    labels: NDArray[np.str_], speakers: NDArray[np.str_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pairs `[2 PAIRS, 2]` of rows of different speakers, half of them of the same label."""
    left, right = np.triu_indices(len(labels), 1)
    crossing = speakers[left] != speakers[right]
    same = labels[left] == labels[right]
    generator = np.random.default_rng(0)
    chosen = [generator.choice(np.flatnonzero(crossing & kind), PAIRS, replace=False) for kind in (same, ~same)]
    rows = np.concatenate(chosen)
    return np.stack([left[rows], right[rows]], axis=1), same[rows]


def ten_shot_accuracy(
    embeddings: NDArray[np.float32], labels: NDArray[np.str_], speakers: NDArray[np.str_]
) -> dict[str, float]:
    """Accuracy for each test speaker, the nearest of the centroids by the other speakers."""
    names = np.unique(labels)
    accuracy = {}
    for speaker in np.unique(speakers):
        own, hits = speakers == speaker, []
        for draw in range(DRAWS):
            generator = np.random.default_rng(draw)
            shots = [generator.choice(np.flatnonzero((labels == name) & ~own), SHOTS, replace=False) for name in names]
            centroids = np.stack([embeddings[rows].mean(axis=0) for rows in shots])
            centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
            hits.append(np.mean(names[(embeddings[own] @ centroids.T).argmax(axis=1)] == labels[own]))
        accuracy[str(speaker)] = float(np.mean(hits))
    return accuracy


def enrolment(
    embeddings: NDArray[np.float32], labels: NDArray[np.str_], others: NDArray[np.float32], cohort: Cohort
) -> dict[str, tuple[float, float, int]]:
    """By wake word: FRR, share of the clips of other words that are accepted, and its clips."""
    found = {}
    for word in sorted({label for label in labels.tolist() if (labels == label).sum() >= SHOTS}):
        own, frr, far = np.flatnonzero(labels == word), [], []
        strangers = np.concatenate([embeddings[(labels != word) & ~np.char.endswith(labels, f" {word}")], others])
        for draw in range(DRAWS):
            shots = np.random.default_rng(draw).choice(own, ENROLLED, replace=False)
            centroid = embeddings[shots].mean(axis=0)
            centroid /= np.linalg.norm(centroid)
            scores = cohort.without(word) @ centroid[:, None]
            (threshold,) = calibrate_thresholds(scores, np.zeros(scores.shape, np.bool_), FAR)
            frr.append(np.mean(embeddings[np.setdiff1d(own, shots)] @ centroid < threshold))
            far.append(np.mean(strangers @ centroid >= threshold))
        found[word] = float(np.mean(frr)), float(np.mean(far)), len(own)
    return found


def latency_ms(encoder: OnnxEncoder) -> float:
    """Median processor time of a one-second window on one thread."""
    window = np.random.default_rng(0).normal(0, 0.05, (1, SAMPLE_RATE_HZ)).astype(np.float32)
    times = []
    for _ in range(210):
        start = time.process_time()
        encoder.embed(window)
        times.append(time.process_time() - start)
    return float(np.median(times[10:])) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("bundle", nargs="?", type=Path, default=universal_bundle_path())
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    arguments = parser.parse_args()
    if not (arguments.data / "words.tsv").exists():
        parser.error(f"{arguments.data} holds no words.tsv: name a folder with --data")
    bundle = load_bundle(arguments.bundle)
    encoder = OnnxEncoder(bundle.encoder_path)
    size = sum((bundle.folder / name).stat().st_size for name in bundle.files)
    print(f"{bundle.folder}: {size / 1e6:.2f} MB, {latency_ms(encoder):.2f} ms a one-second window (one thread)")

    windows, labels, speakers = read_words(arguments.data, "/fsdd/")
    digits = encoder.embed(windows)
    pairs, same = cross_speaker_pairs(labels, speakers)
    scores = np.einsum("nd,nd->n", digits[pairs[:, 0]], digits[pairs[:, 1]])
    summary = summarise_trials(
        scores, same, speakers[pairs[:, 0]], speakers[pairs[:, 1]], test_set="FSDD", speaker_policy="cross", seed=0
    )
    print(
        f"FSDD, {summary.trials} pairs of different speakers: EER {summary.eer:.1%} [{summary.eer_low:.1%}, "
        f"{summary.eer_high:.1%}], FRR at FAR 2 % {summary.frr_at_far_2:.1%}"
    )
    accuracy = ten_shot_accuracy(digits, labels, speakers)
    each = ", ".join(f"{name} {value:.1%}" for name, value in accuracy.items())
    print(f"FSDD, {SHOTS}-shot: {np.mean(list(accuracy.values())):.1%} ({each})")

    windows, labels, _ = read_words(arguments.data, "/precise_community/")
    cohort = Cohort.from_arrays(bundle.tensors(COHORT))
    for word, (frr, far, clips) in enrolment(encoder.embed(windows), labels, digits, cohort).items():
        rates = f"FRR {frr:.1%}, {far:.2%} of other clips accepted"
        print(f"{word!r}, {ENROLLED} examples, FAR {FAR:.1%} set on the cohort: {rates} ({clips} clips)")


if __name__ == "__main__":
    main()
