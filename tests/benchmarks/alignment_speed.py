"""Speed and memory of PocketSphinx alignment: copies of the recorded sentences, part by part.

    python tests/benchmarks/alignment_speed.py [--copies 4] [--part 50]

One process is warm before it is timed. Memory is the peak resident set of a worker after every copy: it must not grow.
"""

import argparse
import multiprocessing
import resource
import time

from alignment_quality import sentences

from kws_core.alignment import build_aligner
from kws_core.config import AlignmentConfig


def work(copies, size, every, start, results):
    """Align the sentences so many times; put seconds of audio, wall time, CPU time and the peaks of memory in MB."""
    utterances = sentences(every)
    aligner = build_aligner("pocketsphinx", AlignmentConfig())
    aligner.align(utterances.slice(0, 2))
    seconds = copies * sum(utterances["duration_s"].to_pylist())
    start.wait()
    wall, cpu, peaks = time.perf_counter(), time.process_time(), []
    for _ in range(copies):
        for first in range(0, utterances.num_rows, size):
            aligner.align(utterances.slice(first, size))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    results.put((seconds, time.perf_counter() - wall, time.process_time() - cpu, peaks))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--part", type=int, default=50, help="utterances a part")
    parser.add_argument("--every", type=int, default=10, help="take one sentence of so many")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for processes in (1, 2):
        start, results = context.Barrier(processes), context.Queue()
        arguments = (options.copies, options.part, options.every, start, results)
        workers = [context.Process(target=work, args=arguments) for _ in range(processes)]
        for worker in workers:
            worker.start()
        done = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
        audio = sum(seconds for seconds, *_ in done)
        wall, cpu = max(one[1] for one in done), sum(one[2] for one in done)
        peaks = " ".join(f"{peak:.0f}" for peak in done[0][3])
        print(f"{processes} processes: {audio / wall:.0f} x real time by the clock, {audio / cpu:.0f} x a CPU second")
        print(f"  peak memory after each copy, MB: {peaks}")


if __name__ == "__main__":
    main()
