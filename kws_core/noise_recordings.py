"""Recordings of noise corpora as one memory-mapped local array of pieces, for augmentation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kws_core.audio import Pcm16, decode_flac, pcm16_to_float
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import TrainingError
from kws_core.fingerprint import fingerprint
from kws_core.manifest import Manifest
from kws_core.mapped_cache import built, new_mapped
from kws_core.store import Store

PIECE_SAMPLES = 2 * SAMPLE_RATE_HZ
MOST_PIECES = 2048
"""68 minutes; 250 MiB as float32."""


def cached_noise(
    store: Store, utterances: Manifest, corpora: frozenset[str], seed: int, folder: Path, most: int = MOST_PIECES
) -> NDArray[np.float32]:
    """Pieces `[pieces, 32000]` of noise, 16 kHz, full scale 1; built once a node, then mapped.

    A recording gives as many pieces of 2 s as cover it, evenly spread; a shorter one is repeated up to 2 s. Of more
    than `most` pieces that many are drawn by `seed`. Drawn pieces of digital silence are left out. The map is
    copy-on-write: torch takes it as it is, and nothing reaches the file.

    Args:
        store: where the utterances are.
        utterances: the dataset of utterances.
        corpora: names of the noise corpora in it; other corpora are not read.
        seed: of the draw.
        folder: where the array is kept.
        most: of all corpora together.

    Raises:
        TrainingError: a noise corpus has no recordings, or all drawn pieces are digital silence.
        StoreError: the array cannot be written.
    """
    key = fingerprint("noise", utterances.fingerprint, sorted(corpora), seed, PIECE_SAMPLES, most)
    path = folder / f"{key}.npy"
    if not path.exists():
        pieces = list(_read(store, utterances, _draw(_plan(store, utterances, corpora), seed, most)))
        if not pieces:
            raise TrainingError(f"noise corpora {', '.join(sorted(corpora))}: all drawn pieces are digital silence")
        with built(path) as temporary:
            _write(temporary, pieces)
    mapped: NDArray[np.float32] = np.load(path, mmap_mode="c", allow_pickle=False)
    return mapped


def noise_licences(store: Store, utterances: Manifest, corpora: frozenset[str]) -> frozenset[str]:
    """Licences of all recordings of the noise corpora, drawn for training or not."""
    found: set[str] = set()
    for part in utterances.parts:
        if part.corpus in corpora:
            found.update(store.read_part(utterances.stage, part, ["licence"])["licence"].to_pylist())
    return frozenset(found)


def _plan(store: Store, utterances: Manifest, corpora: frozenset[str]) -> NDArray[np.int64]:
    """Part, row and first sample of every piece, `[pieces, 3]`, without reading any sound."""
    places: list[tuple[int, int, int]] = []
    found: set[str] = set()
    for number, part in enumerate(utterances.parts):
        if part.corpus in corpora and part.rows:
            found.add(part.corpus)
            durations_s = store.read_part(utterances.stage, part, ["duration_s"])["duration_s"].to_numpy()
            for row, samples in enumerate(np.rint(durations_s * SAMPLE_RATE_HZ).astype(np.int64).tolist()):
                count = -(-samples // PIECE_SAMPLES)
                last = max(samples - PIECE_SAMPLES, 0)
                places.extend((number, row, round(start)) for start in np.linspace(0, last, count).tolist())
    for name in sorted(corpora - found):
        raise TrainingError(f"the noise corpus {name!r} has no recordings")
    return np.array(places, np.int64)


def _draw(places: NDArray[np.int64], seed: int, most: int) -> NDArray[np.int64]:
    if len(places) <= most:
        return places
    return places[np.sort(np.random.default_rng(seed).choice(len(places), most, replace=False))]


def _read(store: Store, utterances: Manifest, places: NDArray[np.int64]) -> Iterator[Pcm16]:
    """The pieces that are not silent; one part and one recording in memory at a time."""
    for number in np.unique(places[:, 0]).tolist():
        audio = store.read_part(utterances.stage, utterances.parts[number], ["audio"])["audio"]
        ours = places[places[:, 0] == number]
        for row in np.unique(ours[:, 1]).tolist():
            pcm = decode_flac(audio[row].as_py())
            for start in ours[ours[:, 1] == row, 2].tolist():
                piece = np.resize(pcm[start : start + PIECE_SAMPLES], PIECE_SAMPLES)  # repeats what is shorter
                if piece.any():
                    yield piece


def _write(path: Path, pieces: list[Pcm16]) -> None:
    shape = (len(pieces), PIECE_SAMPLES)
    array = new_mapped(path, np.float32, shape)
    for row, piece in enumerate(pieces):
        array[row] = pcm16_to_float(piece)
    array.flush()
