"""Noise corpora as mapped pieces: which, how many, and of what level."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from kws_core.audio import encode_flac
from kws_core.config import IngestConfig, ManifestCorpusConfig, WaveformAugmentationConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.errors import TrainingError
from kws_core.manifest import Manifest
from kws_core.noise_recordings import PIECE_SAMPLES, cached_noise, noise_licences
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import UTTERANCES
from kws_core.store import Store

SHORT, EXACT, LONG = 24_001, PIECE_SAMPLES, 5 * PIECE_SAMPLES // 2


def samples(length: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20_000, 20_000, length).astype(np.int16)


def row(name: str, pcm: np.ndarray, licence: str) -> dict[str, object]:
    plain = {"utterance_id": name, "corpus": "x", "speaker_id": "-", "text": "", "language": "en", "source": name}
    return {**plain, "audio": encode_flac(pcm), "duration_s": len(pcm) / 16000, "licence": licence}


def written(store: Store, *parts: tuple[str, list[dict[str, object]]]) -> Manifest:
    quarantine = Quarantine("utterances").table()
    return Manifest(
        "utterances",
        1,
        tuple(
            store.write_part(
                "utterances", f"key{n}", corpus, PartOutput(pa.Table.from_pylist(rows, UTTERANCES), quarantine)
            )
            for n, (corpus, rows) in enumerate(parts)
        ),
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def recordings() -> dict[str, np.ndarray]:
    return {name: samples(length, n) for n, (name, length) in enumerate(zip("abc", (SHORT, EXACT, LONG), strict=True))}


@pytest.fixture
def manifest(store: Store, recordings: dict[str, np.ndarray]) -> Manifest:
    return written(
        store,
        ("speech", [row("s", samples(40_000, 9), "secret")]),
        ("street", [row("a", recordings["a"], "CC0"), row("b", recordings["b"], "CC BY")]),
        ("speech", [row("t", samples(40_000, 8), "secret")]),
        ("rain", [row("c", recordings["c"], "CC0")]),
    )


BOTH = frozenset({"street", "rain"})


def expected(recordings: dict[str, np.ndarray]) -> list[list[int]]:
    """The pieces sample by sample: short ones repeated, long ones covered by three that overlap evenly."""
    a, b, c = (recordings[name].tolist() for name in "abc")
    return [[a[place % SHORT] for place in range(PIECE_SAMPLES)], b] + [
        c[start : start + PIECE_SAMPLES] for start in (0, 24_000, 48_000)
    ]


def test_pieces_cover_every_recording_of_the_noise_corpora(
    store: Store, manifest: Manifest, recordings: dict[str, np.ndarray], tmp_path: Path
) -> None:
    found = cached_noise(store, manifest, BOTH, 0, tmp_path / "cache")
    assert (found.dtype, found.shape) == (np.float32, (5, PIECE_SAMPLES))
    assert (found * 32768).tolist() == expected(recordings)
    alone = cached_noise(store, manifest, frozenset({"rain"}), 0, tmp_path / "cache")
    np.testing.assert_array_equal(alone, found[2:])


def test_the_map_is_built_once_and_torch_takes_it_without_a_copy(
    store: Store, manifest: Manifest, tmp_path: Path
) -> None:
    first = cached_noise(store, manifest, BOTH, 0, tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    content = file.read_bytes()
    for part in manifest.parts:
        (tmp_path / "store" / "parts" / "utterances" / f"{part.key}.parquet").unlink()
    again = cached_noise(store, manifest, BOTH, 0, tmp_path / "cache")
    np.testing.assert_array_equal(first, again)
    tensor = torch.from_numpy(again)  # warns, and so fails, where the array cannot be written to
    tensor[0] = 7
    assert again[0, 0] == 7
    assert file.read_bytes() == content


def test_at_most_so_many_are_drawn_by_the_seed(
    store: Store, manifest: Manifest, recordings: dict[str, np.ndarray], tmp_path: Path
) -> None:
    pieces = expected(recordings)
    drawn = {}
    for seed in range(12):
        found = cached_noise(store, manifest, BOTH, seed, tmp_path / "cache", most=2)
        again = cached_noise(store, manifest, BOTH, seed, tmp_path / "other", most=2)
        np.testing.assert_array_equal(found, again)
        first, second = (pieces.index(piece) for piece in (found * 32768).tolist())
        assert first < second
        drawn[seed] = (first, second)
    assert len(set(drawn.values())) > 3
    assert {place for pair in drawn.values() for place in pair} == set(range(5))


def test_pieces_of_digital_silence_are_left_out(store: Store, tmp_path: Path) -> None:
    pcm = samples(3 * PIECE_SAMPLES, 0)
    pcm[PIECE_SAMPLES : 2 * PIECE_SAMPLES] = 0
    manifest = written(store, ("rain", [row("a", pcm, "CC0")]))
    found = cached_noise(store, manifest, frozenset({"rain"}), 0, tmp_path / "cache")
    wanted = [pcm[:PIECE_SAMPLES].tolist(), pcm[2 * PIECE_SAMPLES :].tolist()]
    assert (found * 32768).tolist() == wanted
    silent = written(store, ("rain", [row("b", 0 * pcm, "CC0")]))
    with pytest.raises(TrainingError, match="noise corpora rain: all drawn pieces are digital silence"):
        cached_noise(store, silent, frozenset({"rain"}), 0, tmp_path / "empty")
    assert not (tmp_path / "empty").exists()


def test_a_noise_corpus_without_recordings_is_named(store: Store, manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the noise corpus 'wind' has no recordings"):
        cached_noise(store, manifest, BOTH | {"wind"}, 0, tmp_path / "cache")
    emptied = written(store, ("rain", []))
    with pytest.raises(TrainingError, match="the noise corpus 'rain' has no recordings"):
        cached_noise(store, emptied, frozenset({"rain"}), 0, tmp_path / "cache")


def test_licences_are_those_of_the_noise_alone(store: Store, manifest: Manifest) -> None:
    assert noise_licences(store, manifest, BOTH) == {"CC0", "CC BY"}
    assert noise_licences(store, manifest, frozenset({"rain"})) == {"CC0"}
    assert noise_licences(store, manifest, frozenset()) == frozenset()


def test_recorded_noise_of_the_shared_folder(shared_folder: Path, store: Store, tmp_path: Path) -> None:
    """Six recordings of a minute or more and 80 of 5 s: none is rejected, all are audible."""
    config = ManifestCorpusConfig(path=str(shared_folder / "data" / "noise.tsv"), use="noise")
    output, reference = prepare_part("noise", config, IngestConfig(), plan_corpus(config))
    assert (reference, output.quarantine.num_rows) == (None, 0)
    lengths_s = np.array(output.table["duration_s"].to_pylist())
    sources = output.table["source"].to_pylist()
    assert max(lengths_s) <= 60
    assert sum(" piece " in source for source in sources) == 8  # four recordings are longer than a minute
    assert len(sources) == 80 + 2 + 8
    manifest = Manifest("utterances", 1, (store.write_part("utterances", "key", "noise", output),))
    found = cached_noise(store, manifest, frozenset({"noise"}), 0, tmp_path / "cache")
    cover = int(np.ceil(lengths_s / 2).sum())
    assert 0.95 * cover < len(found) <= cover
    assert (np.abs(found).max(axis=1) > 0).all()
    assert np.abs(found).max() <= 1
    assert noise_licences(store, manifest, frozenset({"noise"})) == {"CC BY 4.0", "CC BY 3.0 (clips CC0/CC BY)"}
    from kws_core.augment import WaveformAugment

    augment = WaveformAugment(WaveformAugmentationConfig(noise_share=1.0), torch.from_numpy(found))
    speech = torch.from_numpy(samples(8 * 16000, 1).astype(np.float32)).reshape(8, 16000) / 32768
    noisy, _ = augment(speech, torch.Generator().manual_seed(0))
    assert torch.isfinite(noisy).all()
    assert (noisy != speech).any(dim=1).float().mean() > 0.8
