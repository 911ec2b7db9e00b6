import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from study_builders import study_data
from test_arora2019 import BASE

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig, SelectionConfig
from kws_core.errors import CorpusError, SelectionError
from kws_core.selection import speaker_split
from kws_core.studies.arora2019 import STUDY
from kws_core.studies.arora2019_config import Arora2019Config, SoundsConfig
from kws_core.studies.arora2019_recordings import (
    Clip,
    Recordings,
    content,
    loud_starts,
    read_recordings,
    source_name,
    split_sources,
)
from kws_core.studies.arora2019_sounds import draw_mixture, over, sound_data
from kws_core.studies.arora2019_table import SOUNDS, WORDS

SELECTION = SelectionConfig(development_share=0.3, test_share=0.3)
SECOND = SAMPLE_RATE_HZ


def tone(hz: float, seconds: float, level: float = 0.3) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * SECOND)) / SECOND)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four recordings of a bark, two clips each, four of rain and 20 speakers."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    sounds, sentences = ["path\tspeaker\ttext"], ["path\tspeaker\ttext"]
    for number in range(4):
        for take in "AB":
            name = f"1-{100 + number}-{take}.wav"
            soundfile.write(folder / name, np.concatenate([tone(700 + 40 * number, 1.3), np.zeros(SECOND)]), SECOND)
            sounds.append(f"{name}\t-\tbark")
        soundfile.write(folder / f"rain{number}.wav", 0.1 * rng.normal(size=2 * SECOND), SECOND)
        sounds.append(f"rain{number}.wav\t-\train")
    for number in range(20):
        soundfile.write(folder / f"speech{number}.wav", tone(150 + 5 * number, 1.5), SECOND)
        sentences.append(f"speech{number}.wav\tspeaker{number}\thello")
    (folder / "sounds.tsv").write_text("\n".join(sounds))
    (folder / "sentences.tsv").write_text("\n".join(sentences))
    return folder


def configured(folder: Path, **changes: object) -> SoundsConfig:
    values = {
        "recordings": {"path": str(folder / "sounds.tsv"), "licence": "CC0"},
        "speech": {"path": str(folder / "sentences.tsv")},
        "events": ["bark"],
        "train": [6, 9],
        "development": [2, 3],
        "test": [4, 8],
        "test_share": 0.25,
    }
    return SoundsConfig.model_validate({**values, **changes})


def test_clips_of_one_recording_stay_together(folder: Path) -> None:
    sounds = configured(folder)
    assert source_name("some/where/1-211527-C.flac", sounds) == "211527"
    assert source_name("some/where/pink_noise.flac", sounds) == "pink_noise"
    parts = read_recordings(sounds, SELECTION)
    heard = [set(parts[part].events[0]) for part in ("train", "development", "test")]
    assert [len(names) for names in heard] == [2, 1, 1]
    assert set.union(*heard) == {"100", "101", "102", "103"}
    for part, found in parts.items():
        assert all(len(clips) == 2 for clips in found.events[0].values())
        assert found.speech
        assert all(speaker_split(speaker, SELECTION) == part for speaker in found.speech)


def test_recordings_are_split_by_hash_whatever_their_order(folder: Path) -> None:
    sounds = configured(folder, test_share=0.375)
    names = [f"recording{number}" for number in range(8)]
    split = split_sources(names, sounds)
    assert split == split_sources(names[::-1], sounds)
    assert sorted(split.values()) == ["development"] * 2 + ["test"] * 3 + ["train"] * 3


def test_windows_are_loud_seconds_at_a_power_of_one() -> None:
    pcm = np.zeros(5 * SECOND, np.int16)
    pcm[2 * SECOND : 3 * SECOND] = (20_000 * tone(440, 1, 1.0)).astype(np.int16)
    starts = loud_starts(pcm)
    powers = [float(np.square(pcm[s : s + SECOND].astype(float)).sum()) for s in range(0, 4 * SECOND + 1, SECOND // 10)]
    expected = [k * SECOND // 10 for k, power in enumerate(powers) if power >= max(powers) / 10]
    assert starts.tolist() == expected
    assert min(expected) > SECOND
    window = Clip(pcm, starts).window(np.random.default_rng(0))
    assert window.shape == (SECOND,)
    assert float(np.mean(np.square(window, dtype=np.float64))) == pytest.approx(1, rel=1e-4)
    assert not len(loud_starts(np.zeros(SECOND, np.int16)))
    short = (1000 * tone(440, 0.4, 1.0)).astype(np.int16)
    assert loud_starts(short).tolist() == [0]


def test_a_wave_lies_over_its_surroundings_by_the_ratio() -> None:
    below, above = tone(200, 1).astype(np.float32), tone(3000, 1, 0.01).astype(np.float32)
    mixed = over(above, below, 6.0)
    spectrum = np.abs(np.fft.rfft(mixed)) ** 2
    assert 10 * math.log10(spectrum[3000] / spectrum[200]) == pytest.approx(6, abs=0.01)


def test_mixtures_hold_the_event_at_the_drawn_ratio_and_name_its_recording() -> None:
    def clip(hz: float) -> Clip:
        return Clip((10_000 * tone(hz, 1, 1.0)).astype(np.int16), np.array([0]))

    recordings = Recordings(({"dog": [clip(2000)]},), {"rain": [clip(500)]}, {"ann": [clip(150)]})
    sounds = SoundsConfig.model_validate(
        {
            "recordings": {"path": "a.tsv"},
            "speech": {"path": "b.tsv"},
            "events": ["bark"],
            "min_snr_db": 3,
            "max_snr_db": 9,
        }
    )
    random = np.random.default_rng(1)
    units, heard = set(), set()
    for turn in range(40):
        wave, unit = draw_mixture(recordings, turn % 2, sounds, random)
        rms_db = 20 * math.log10(float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))))
        assert -40 <= rms_db <= -20
        power = np.abs(np.fft.rfft(wave)) ** 2
        event, noise, speech = power[2000], power[500], power[150]
        present = (noise > 1e-3 * power.max(), speech > 1e-3 * power.max())
        heard.add(present)
        if turn % 2 == 0:
            assert unit == "dog"
            assert 3 - 0.1 <= 10 * math.log10(event / (noise + speech)) <= 9 + 0.1
        else:
            assert event < 1e-3 * power.max()
            assert unit == ("rain" if present[0] else "ann")
        if all(present):
            assert 3 - 0.1 <= 10 * math.log10(speech / noise) <= 9 + 0.1
        units.add(unit)
    assert units == {"dog", "rain", "ann"}
    assert heard == {(True, False), (False, True), (True, True)}


def test_the_task_has_its_segments_and_repeats_itself(folder: Path) -> None:
    sounds, features = configured(folder), FeaturesConfig()
    digest = content(sounds)
    data = sound_data(sounds, SELECTION, features, digest)
    assert data.features.shape == (32, 99, 40)
    counts = {
        part: [int((data.labels[data.rows(part)] == k).sum()) for k in (0, 1)]
        for part in ("train", "development", "test")
    }
    assert counts == {"train": [6, 9], "development": [2, 3], "test": [4, 8]}
    assert data.licences == ("CC0", "unknown")
    assert data.word_frames.tolist() == [[0, 99]] * 32
    train, test = (set(data.units[data.rows(part)].tolist()) for part in ("train", "test"))
    assert not train & test
    sound_data.cache_clear()
    again = sound_data(sounds, SELECTION, features, digest)
    assert again is not data
    assert np.array_equal(again.features, data.features)
    assert again.units.tolist() == data.units.tolist()


def test_what_a_cell_depends_on_follows_the_recordings(folder: Path, tmp_path: Path) -> None:
    before = content(configured(folder))
    assert before == content(configured(folder))
    (tmp_path / "louder.wav").write_bytes((folder / "speech0.wav").read_bytes())
    (tmp_path / "sentences.tsv").write_text("path\tspeaker\ttext\nlouder.wav\tann\thello")
    assert before != content(configured(folder, speech={"path": str(tmp_path / "sentences.tsv")}))


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(SelectionError, match="no train recording of 'sneeze'"):
        read_recordings(configured(folder, events=["bark", "sneeze"]), SELECTION)
    with pytest.raises(CorpusError, match=r"none.tsv: the manifest does not exist"):
        content(configured(folder, speech={"path": str(folder / "none.tsv")}))


def test_cells_of_sounds_run_and_are_tabled(folder: Path) -> None:
    sounds = configured(folder, train=[8, 12]).model_dump()
    config = Arora2019Config.model_validate(
        {
            **BASE,
            "features": {},
            "selection": SELECTION.model_dump(),
            "sounds": sounds,
            "imbalances": [2],
            "steps": 2,
            "pretraining_steps": 2,
        }
    )
    cells = STUDY.cells(config)
    digests = {cell.parameters.get("content") for cell in cells}
    assert digests == {None, content(sounds=configured(folder))}
    words = study_data({"words": ("go", "left", "stop")}, speakers=2)
    results = [(cell, STUDY.run_cell(words, cell, config, "cpu")) for cell in cells if "content" in cell.parameters]
    assert all(result["training"].tolist()[:2] == [6, 12] for _, result in results)
    assert all(result["training_units"].tolist() == [2] for _, result in results)
    of_words = zip([cell for cell in cells if "content" not in cell.parameters], results, strict=True)
    table = STUDY.table([*results, *((cell, result) for cell, (_, result) in of_words)], config)
    assert [row.test_set for row in table.rows] == [f"{WORDS}, 1:2"] * 6 + [f"{SOUNDS}, 1:2"] * 6
    assert any("Rare sounds: tested on 4 segments" in note and note.endswith("CC0; unknown.") for note in table.notes)
