"""What a segment's sound is told by, without listening: its hash, a coarse spectrogram and an estimate of its SNR."""

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.embeddings import segment_window
from kws_core.fingerprint import sha256
from kws_core.part import PartOutput, Quarantine

STAGE = "prints"
VERSION = 1
COLUMNS = ["segment_id", "word_start_s", "word_end_s", "start_s", "audio"]
FRAMES, BANDS = 49, 10
HOP_S, WINDOW = 0.02, 512
LOWEST_HZ, HIGHEST_HZ = 150.0, 7000.0
FLOOR_DB = -50.0
"""Against the loudest cell of the spectrogram."""
MOST_SHIFT = 3
"""Frames by which the two sides of a comparison may be out of step."""
SNR_RANGE_DB = (-10.0, 60.0)
PRINTS = pa.schema(
    [
        ("segment_id", pa.string()),
        ("audio_hash", pa.string()),  # of the PCM of the cut: 32 hexadecimal digits
        ("snr_db", pa.float32()),  # see estimate_snr_db; NaN for digital silence
        ("print", pa.fixed_shape_tensor(pa.float16(), (FRAMES, BANDS))),
    ]
)
_BATCH = 128
_FRAME = round(0.02 * SAMPLE_RATE_HZ)


def print_part(segments: pa.Table) -> PartOutput:
    """`PRINTS` of every segment of a part."""
    tables = [PRINTS.empty_table()]
    for batch in segments.select(COLUMNS).to_batches(max_chunksize=_BATCH):
        rows = batch.to_pylist()
        windows = np.stack([segment_window(row) for row in rows])
        columns = [
            pa.array([row["segment_id"] for row in rows]),
            pa.array([sha256(row["audio"])[:32] for row in rows]),
            pa.array([estimate_snr_db(np.frombuffer(row["audio"], np.dtype("<i2"))) for row in rows], pa.float32()),
            pa.FixedShapeTensorArray.from_numpy_ndarray(sound_prints(windows)),
        ]
        tables.append(pa.table(columns, schema=PRINTS))
    return PartOutput(pa.concat_tables(tables), Quarantine(STAGE).table())


def read_prints(table: pa.Table) -> NDArray[np.float16]:
    """The column `print` as `[rows, frames, bands]`."""
    chunks = [chunk.to_numpy_ndarray() for chunk in table["print"].chunks]
    return np.concatenate([np.empty((0, FRAMES, BANDS), np.float16), *chunks])


def sound_prints(windows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Coarse spectrograms `[n, frames, bands]` in dB of `windows [n, samples]`, without the mean of each band.

    Neither gain nor a flat filter changes them, where they are above the floor of 50 dB below the loudest cell.
    """
    import torch  # here: whoever only reads prints starts two seconds sooner without it

    hop = round(HOP_S * SAMPLE_RATE_HZ)
    frames = np.lib.stride_tricks.sliding_window_view(windows, WINDOW, axis=1)[:, ::hop][:, :FRAMES]
    tapered = torch.from_numpy(frames * np.hanning(WINDOW).astype(np.float32))
    power = torch.view_as_real(torch.fft.rfft(tapered)).square_().sum(-1).numpy()  # much faster than NumPy's
    energies = np.maximum(power @ _bands(), 1e-12)
    decibel = 10 * np.log10(energies)
    decibel = np.maximum(decibel, decibel.max(axis=(1, 2), keepdims=True) + FLOOR_DB)
    prints: NDArray[np.float16] = (decibel - decibel.mean(axis=1, keepdims=True)).astype(np.float16)
    return prints


def correlations(left: NDArray[np.float16], right: NDArray[np.float16]) -> NDArray[np.float64]:
    """How alike sounds are, `[pairs]`: correlations of prints `[pairs, frames, bands]` at the best of a few shifts."""
    best = np.full(len(left), -1.0)
    for shift in range(-MOST_SHIFT, MOST_SHIFT + 1):
        one = left[:, max(shift, 0) : FRAMES + min(shift, 0)].reshape(len(left), -1).astype(np.float64)
        other = right[:, max(-shift, 0) : FRAMES + min(-shift, 0)].reshape(len(right), -1).astype(np.float64)
        one = one - one.mean(axis=1, keepdims=True)
        other = other - other.mean(axis=1, keepdims=True)
        lengths = np.sqrt(np.square(one).sum(axis=1) * np.square(other).sum(axis=1))
        best = np.maximum(best, np.einsum("nd,nd->n", one, other) / np.maximum(lengths, 1e-9))
    return best


def estimate_snr_db(pcm: NDArray[np.int16]) -> float:
    """SNR of `pcm [samples]` by its energy: the 20 ms frame that a tenth exceed against the one that nine tenths
    do, in dB.

    Too low where speech fills the cut, as in the middle of a sentence; within `SNR_RANGE_DB`. NaN for digital silence
    and for less than ten frames.
    """
    frames = pcm[: len(pcm) // _FRAME * _FRAME].astype(np.float64).reshape(-1, _FRAME)
    if len(frames) < 10:
        return float("nan")
    power = np.sort(np.einsum("fs,fs->f", frames, frames)) / _FRAME
    noise, both = float(power[len(power) // 10]), float(power[-1 - len(power) // 10])
    if both <= 0:
        return float("nan")
    ratio = max(both - noise, 0) / max(noise, 1e-3)
    return float(np.clip(10 * np.log10(max(ratio, 1e-9)), *SNR_RANGE_DB))


@cache
def _bands() -> NDArray[np.float32]:
    """Bins to bands of equal width on the mel scale, `[bins, bands]`."""
    edges = 700 * np.expm1(np.linspace(np.log1p(LOWEST_HZ / 700), np.log1p(HIGHEST_HZ / 700), BANDS + 1))
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE_HZ)
    return ((bins[:, None] >= edges[:-1]) & (bins[:, None] < edges[1:])).astype(np.float32)
