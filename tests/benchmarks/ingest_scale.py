"""Ingest and segment extraction of 100,000 utterances: time and memory of the driver, by the size of the corpus.

    python tests/benchmarks/ingest_scale.py [--sizes 12500 25000 50000 100000] [--folder DIR] [--keep]

The corpus is made of recordings of one word in `../shared/data`, or of noise bursts where that is absent, each made
another file by its lowest bits: FLAC files of 1 s, 40 a speaker, listed by a TSV. Every size runs in a process of its
own, which does what `kws retrain` does: it plans, makes parts as Ray tasks (`ingest`, `align` by `whole_clip`, `cut`)
and writes the datasets. Its memory is read from the kernel (VmHWM and VmRSS of the driver, without Ray's processes).
At the end, segment extraction and plain decoding of the same FLAC take turns in one process on one core.

The files of a size are kept for the next with `--keep`; 100,000 weigh about 1.5 GB.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

SHARED = Path(__file__).resolve().parents[3] / "shared/data"
SIZES = (12_500, 25_000, 50_000, 100_000)
PER_SPEAKER = 40
ROUNDS = 7
RATE_HZ = 16000


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", type=Path, help="where files are made; a temporary folder by default")
    parser.add_argument("--keep", action="store_true", help="leave the recordings there")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.folder, options.measure)))
        return
    folder = options.folder or Path(tempfile.mkdtemp(prefix="ingest-scale-"))
    shutil.rmtree(folder / "runs", ignore_errors=True)  # of a run that was killed: its parts would be taken as made
    try:
        make_corpus(folder, max(options.sizes))
        results = [run(folder, size) for size in sorted(options.sizes)]
        report(results)
        compare_with_decoding(folder, max(options.sizes))
    finally:
        shutil.rmtree(folder / "runs", ignore_errors=True)
        if not options.keep:
            shutil.rmtree(folder / "audio", ignore_errors=True)


def make_corpus(folder: Path, count: int) -> None:
    """Write what is missing of `count` recordings, and a table of each size's first rows is made later from them."""
    started = time.perf_counter()
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    speakers = range(-(-count // PER_SPEAKER))
    with ProcessPoolExecutor() as pool:
        made = sum(pool.map(make_speaker, [folder] * len(speakers), speakers, chunksize=16))
    print(f"{made:,} files made in {time.perf_counter() - started:.0f} s")


def make_speaker(folder: Path, speaker: int) -> int:
    """Write the recordings of one speaker; returns how many were missing."""
    own = folder / "audio" / f"s{speaker:05d}"
    if (own / "done").exists():
        return 0
    own.mkdir(exist_ok=True)
    sounds, words = base_recordings()
    generator = np.random.default_rng(speaker)
    for number in range(PER_SPEAKER):
        chosen = int(generator.integers(len(sounds)))
        pcm = sounds[chosen] ^ generator.integers(0, 2, RATE_HZ).astype(np.int16)  # the lowest bit of every sample
        soundfile.write(own / f"{number:02d}-{words[chosen]}.flac", pcm, RATE_HZ)
    (own / "done").touch()
    return PER_SPEAKER


def base_recordings() -> tuple[list[np.ndarray], list[str]]:
    """Recordings of 1 s and the word of each."""
    rows = []
    if (SHARED / "words.tsv").exists():
        header, *lines = (SHARED / "words.tsv").read_text().splitlines()
        columns = header.split("\t")
        rows = [dict(zip(columns, line.split("\t"), strict=False)) for line in lines[:: max(len(lines) // 30, 1)]]
    sounds, words = [], []
    for row in rows:
        pcm, _ = soundfile.read(SHARED / row["path"], dtype="int16")
        sounds.append(np.resize(pcm, RATE_HZ))
        words.append("".join(character for character in row["text"].lower() if character.isalpha()) or "word")
    if not sounds:
        generator = np.random.default_rng(0)
        envelope = np.exp(-(((np.arange(RATE_HZ) / RATE_HZ - 0.5) / 0.15) ** 2))
        for word in ("alpha", "bravo", "charlie", "delta"):
            sounds.append((generator.normal(0, 3000, RATE_HZ) * envelope).astype(np.int16))
            words.append(word)
    return sounds, words


def run(folder: Path, size: int) -> dict:
    """Measure a size in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--measure", str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"{size:>8,}: {result['seconds']}", file=sys.stderr)
    return result


def measure(folder: Path, size: int) -> dict:
    """What the driver does, stage by stage, with its seconds and memory."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from flows.quiet import quieten

    quieten()
    from kws_core import alignment, corpora
    from kws_core.manifest import manifest_fingerprint
    from kws_core.store import Store
    from tasks.cluster import connect

    store = Store(str(folder / "runs" / str(size)))
    store.check_writable()
    experiment = experiment_of(folder, size)
    connect()
    memory = {"start": resident("VmRSS")}
    seconds, rows = {}, {}
    jobs = timed(seconds, "plan", lambda: plan(experiment))
    memory["planned"] = resident("VmRSS")
    rows["utterances"] = timed(seconds, "ingest", lambda: make(store, jobs)).rows
    memory["ingested"] = resident("VmRSS")
    fingerprint = manifest_fingerprint(corpora.STAGE, corpora.VERSION, [job.key for job in jobs])
    jobs.clear()
    from tasks.align import align
    from tasks.cut import cut
    from tasks.places import Places

    places = Places.in_workspace(folder / "runs" / f"workspace-{size}", store.url)
    words = timed(seconds, "align", lambda: align.fn(places, experiment, fingerprint))
    rows["words"] = store.dataset(alignment.STAGE, words).rows
    segments = timed(seconds, "cut", lambda: cut.fn(places, experiment, fingerprint, words))
    rows["segments"] = store.dataset("segments", segments).rows
    memory["end"], memory["peak"] = resident("VmRSS"), resident("VmHWM")
    return {"size": size, "seconds": seconds, "rows": rows, "memory": memory}


def experiment_of(folder: Path, size: int):
    """One corpus of `size` recordings, aligned by where the energy is."""
    from kws_core.config import Experiment

    table = folder / f"{size}.tsv"
    if not table.exists():
        with table.open("w", encoding="utf-8") as file:
            file.write("path\tspeaker\ttext\n")
            for number in range(size):
                speaker = f"s{number // PER_SPEAKER:05d}"
                if number % PER_SPEAKER == 0:
                    names = sorted((folder / "audio" / speaker).glob("*.flac"))
                path = names[number % PER_SPEAKER]
                file.write(f"audio/{speaker}/{path.name}\t{speaker}\t{path.stem[3:]}\n")
    corpus = {"recipe": "manifest", "path": str(table), "aligner": "whole_clip", "licence": "CC0-1.0"}
    return Experiment.model_validate(
        {
            "name": "ingest-scale",
            "corpora": {"scale": corpus},
            "ingest": {"part_bytes": 16 * 2**20},
            "rejection": {"ingest": 1.0, "alignment": 1.0, "segments": 1.0},
            "selection": {"keywords": ["stop"]},
        }
    )


def plan(experiment):
    """The parts that ingest makes."""
    from tasks.ingest import recipe_jobs

    return recipe_jobs("scale", experiment.corpora["scale"], experiment.ingest)


def make(store, jobs):
    """The utterances on Ray, as the flow makes them."""
    from kws_core import corpora
    from tasks.parts import make_dataset

    return make_dataset(store, corpora.STAGE, corpora.VERSION, jobs, max_rejected_share=1.0)


def timed(seconds: dict, name: str, work):
    """Do it and write down how long it took."""
    started = time.perf_counter()
    result = work()
    seconds[name] = round(time.perf_counter() - started, 2)
    return result


def resident(field: str) -> float:
    """Memory of this process in MB, by its line in the kernel's status file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return round(int(line.split()[1]) / 1024, 1)
    raise RuntimeError(f"the kernel does not tell {field}")


def report(results: list[dict]) -> None:
    """Print the table of the benchmark page."""
    stages = list(results[0]["seconds"])
    print("utterances   segments " + "".join(f"{name + ' s':>10}" for name in stages) + "  utt/s   driver MB: "
          "start  planned  ingested  end  peak")  # fmt: skip
    for result in results:
        total = sum(result["seconds"].values())
        memory = result["memory"]
        print(
            f"{result['size']:>10,} {result['rows']['segments']:>10,} "
            + "".join(f"{result['seconds'][name]:>10.1f}" for name in stages)
            + f"{result['size'] / total:>7.0f}              "
            + "".join(f"{memory[name]:>8.0f}" for name in ("start", "planned", "ingested", "end", "peak"))
        )


def compare_with_decoding(folder: Path, size: int) -> None:
    """Segment extraction against decoding the same FLAC, one core, in turns; the median over rounds."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from kws_core import alignment, corpora
    from kws_core.audio import decode_flac
    from kws_core.config import SegmentsConfig
    from kws_core.segments import cut_part
    from kws_core.store import Store

    store = Store(str(folder / "runs" / str(size)))
    (manifest,) = store.files.names(f"manifests/{corpora.STAGE}")
    utterances = store.dataset(corpora.STAGE, manifest.rpartition("/")[2].removesuffix(".json"))
    (manifest,) = store.files.names(f"manifests/{alignment.STAGE}")
    words = store.dataset(alignment.STAGE, manifest.rpartition("/")[2].removesuffix(".json"))
    recordings = store.read_part(corpora.STAGE, utterances.parts[0])
    aligned = store.read_part(alignment.STAGE, words.parts[0])
    times: dict[str, list[float]] = {"decode": [], "cut": []}
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for flac in recordings["audio"]:
            decode_flac(flac.as_py())
        between = time.perf_counter()
        cut_part(recordings, aligned, SegmentsConfig())
        times["decode"].append(between - started)
        times["cut"].append(time.perf_counter() - between)
    share = np.median(np.divide(times["decode"], times["cut"]))
    seconds = {name: np.median(values) for name, values in times.items()}
    count = recordings.num_rows
    print(
        f"segment extraction: {count / seconds['cut']:.0f} utterances/s, plain FLAC decoding: "
        f"{count / seconds['decode']:.0f}/s, {share:.0%} of its speed ({count} utterances, median of {ROUNDS} rounds)"
    )


if __name__ == "__main__":
    main()
