"""Nearly the same recording in training and in the test: found by the embeddings, proven by the waveforms.

Two tokens of a word have near embeddings too; only of one recording do the waveforms correlate.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, LeaksConfig
from kws_core.leak_checks.leak import SHOWN, Leak, name_rows
from kws_core.sound_prints import correlations

NEAREST = 5
"""Training segments that are looked at for each test segment."""
LEAST_PRINT = 0.85
"""Correlation of the coarse spectrograms below which no waveform is read: another speaker, or other surroundings."""
BLOCK = 2048
HIGHEST_HZ = 2000
MOST_LAG_S = 0.1
MOST_COMPARED = 2000
"""Pairs whose waveforms are compared, the most alike first: 64 kB a segment."""
_LENGTH = 32768
_PAIRS_AT_ONCE = 256

ReadWindows = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Windows `[rows, 16000]` of rows of the selection."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Test rows and training rows with near embeddings."""

    test: NDArray[np.int64]
    train: NDArray[np.int64]


def nearest(
    embeddings: NDArray[np.float32], test: NDArray[np.int64], train: NDArray[np.int64], least_cosine: float
) -> Neighbours:
    """Of each row of `test` the `NEAREST` rows of `train` whose cosine is at least `least_cosine`.

    `embeddings [rows, dim]` are L2-normalised. Scored in blocks: memory grows with the rows alone.
    """
    tests, trains = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    others = np.ascontiguousarray(embeddings[train])
    count = min(NEAREST, len(train))
    for start in range(0, len(test) if count else 0, BLOCK):
        rows = test[start : start + BLOCK]
        own = embeddings[rows]
        best = np.full((len(rows), 0), -2.0, np.float32)
        places = np.empty((len(rows), 0), np.int64)
        for first in range(0, len(train), BLOCK):
            scores = own @ others[first : first + BLOCK].T
            near = np.flatnonzero(scores.max(axis=1) >= least_cosine)
            if not len(near):
                continue
            kept = min(count, scores.shape[1])
            top = np.argpartition(-scores[near], kept - 1, axis=1)[:, :kept]
            more = np.full((len(rows), kept), -2.0, np.float32)
            more[near] = np.take_along_axis(scores[near], top, axis=1)
            where = np.zeros((len(rows), kept), np.int64)
            where[near] = top + first
            best, places = np.concatenate([best, more], axis=1), np.concatenate([places, where], axis=1)
            order = np.argsort(-best, axis=1, kind="stable")[:, :count]
            best, places = np.take_along_axis(best, order, axis=1), np.take_along_axis(places, order, axis=1)
        row, column = np.nonzero(best >= least_cosine)
        tests.append(rows[row])
        trains.append(train[places[row, column]])
    return Neighbours(np.concatenate(tests), np.concatenate(trains))


def sounding_alike(neighbours: Neighbours, prints: NDArray[np.float16]) -> Neighbours:
    """Those neighbours whose `prints [rows of the selection, frames, bands]` are alike, the most alike first."""
    found = [np.empty(0)]
    for start in range(0, len(neighbours.test), BLOCK):
        part = slice(start, start + BLOCK)
        found.append(correlations(prints[neighbours.test[part]], prints[neighbours.train[part]]))
    alike = np.concatenate(found)
    order = np.argsort(-alike, kind="stable")
    kept = order[alike[order] >= LEAST_PRINT]
    return Neighbours(neighbours.test[kept], neighbours.train[kept])


def find_same_sounds(
    selection: pa.Table, neighbours: Neighbours, read_windows: ReadWindows, config: LeaksConfig
) -> Leak | None:
    """Test rows with a neighbour in training that is the same recording, whatever its level or a little noise.

    `neighbours` are the first `MOST_COMPARED` of `sounding_alike`; the windows of all of them are read at once.
    """
    test, train = neighbours.test[:MOST_COMPARED], neighbours.train[:MOST_COMPARED]
    if not len(test):
        return None
    read, places = np.unique(np.concatenate([test, train]), return_inverse=True)
    windows = read_windows(read)
    left, right = np.split(places, 2)
    same = np.concatenate(
        [
            waveform_correlations(windows, left[start : start + _PAIRS_AT_ONCE], right[start : start + _PAIRS_AT_ONCE])
            for start in range(0, len(test), _PAIRS_AT_ONCE)
        ]
    )
    same = same >= config.same_sound
    rows, first = np.unique(test[same], return_index=True)
    if not len(rows):
        return None
    heard = name_rows(selection, train[same][first[:SHOWN]])
    said = [f"{own} = {other}" for own, other in zip(name_rows(selection, rows), heard, strict=True)]
    return Leak("neighbours", "nearly the same recording is in train and test", len(rows), tuple(said))


def waveform_correlations(
    windows: NDArray[np.float32], left: NDArray[np.intp], right: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The largest magnitude `[pairs]` of the correlation of `windows [n, samples]` below 2 kHz, at lags of up to 0.1 s.

    1 for two copies of one recording at any level and polarity.
    """
    used, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    left, right = np.split(places, 2)
    spectra = np.fft.rfft(windows[used], _LENGTH, axis=1)[:, 1 : HIGHEST_HZ * _LENGTH // SAMPLE_RATE_HZ]
    spectra = spectra / np.maximum(np.linalg.norm(spectra, axis=1, keepdims=True), 1e-12)
    bins = spectra.shape[1]
    step_s = _LENGTH / SAMPLE_RATE_HZ / (4 * bins)
    lags = int(MOST_LAG_S / step_s)
    cross = np.fft.ifft(spectra[left] * spectra[right].conj(), 4 * bins, axis=1).real * 4 * bins
    near = np.concatenate([cross[:, : lags + 1], cross[:, -lags:]], axis=1)
    found: NDArray[np.float64] = np.abs(near).max(axis=1)
    return found
