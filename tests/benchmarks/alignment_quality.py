"""PocketSphinx against the Montreal Forced Aligner on the recorded sentences of `../shared`.

    python tests/benchmarks/alignment_quality.py [--even | --odd] [--every N]

Settings were chosen on the speakers with even numbers (`--even`, in the order of their names); `--odd` are the others.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from kws_core.alignment import build_aligner
from kws_core.alignment.compare import compare_words
from kws_core.config import AlignmentConfig
from kws_core.schemas import WORDS

SHARED = Path(__file__).parents[3] / "shared"


def sentences(every=1, parity=None):
    """Rows of an utterances part, as far as an aligner reads them."""
    with (SHARED / "data" / "sentences.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    speakers = sorted({row["speaker"] for row in rows})
    kept = set(speakers if parity is None else speakers[parity::2])
    chosen = [row for row in rows if row["speaker"] in kept][::every]
    return pa.Table.from_pylist(
        [
            {
                "utterance_id": row["path"],
                "text": row["text"],
                "source": row["path"],
                "audio": (SHARED / "data" / row["path"]).read_bytes(),
                "duration_s": float(row["duration_s"]),
            }
            for row in chosen
        ]
    )


def reference(paths):
    """MFA's words of these recordings."""
    rows = []
    with (SHARED / "mfa" / "dev_words.tsv").open(encoding="utf-8") as file:
        for word in csv.DictReader(file, delimiter="\t"):
            if word["path"] in paths:
                rows.append(
                    {
                        "utterance_id": word["path"],
                        "index": int(word["index"]),
                        "word": word["word"],
                        "start_s": float(word["start_s"]),
                        "end_s": float(word["end_s"]),
                        "score": float("nan"),
                        "phone_duration_deviation": float("nan"),
                        "disagreement_s": float("nan"),
                        "aligner": "mfa",
                    }
                )
    return pa.Table.from_pylist(rows, schema=WORDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    half = parser.add_mutually_exclusive_group()
    half.add_argument("--even", dest="parity", action="store_const", const=0)
    half.add_argument("--odd", dest="parity", action="store_const", const=1)
    parser.add_argument("--every", type=int, default=1, help="take one sentence of so many")
    options = parser.parse_args()
    utterances = sentences(options.every, options.parity)
    output = build_aligner("pocketsphinx", AlignmentConfig()).align(utterances)
    groups = defaultdict(set)
    for path in utterances["utterance_id"].to_pylist():
        groups["all"].add(path)
        groups[path.split("/")[1]].add(path)
    found = output.table.to_pylist()
    for name, paths in groups.items():
        words = pa.Table.from_pylist([row for row in found if row["utterance_id"] in paths], schema=WORDS)
        aligned = len(set(words["utterance_id"].to_pylist()))
        result = compare_words(words, reference(paths))
        print(f"{name}: {aligned} of {len(paths)} sentences, {result.words} words, {result.missing_in_a} missing")
        for side, of in (("starts", result.starts), ("ends", result.ends)):
            print(
                f"  {side:<7} median {of.median_ms:.0f} ms, 90th percentile {of.p90_ms:.0f} ms, "
                f"{of.share_over_50_ms:.2%} over 50 ms, {of.share_over_100_ms:.2%} over 100 ms"
            )
    for row in output.quarantine.to_pylist():
        print(f"quarantine: {row['source']}: {row['reason']}")


if __name__ == "__main__":
    main()
