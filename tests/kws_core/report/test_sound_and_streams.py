"""Spectrograms, the errors to hear, and the part about streams."""

import io

import numpy as np
from PIL import Image
from run_facts import random_streams

from kws_core.audio import decode_flac
from kws_core.evaluation.worst_errors import WorstError, WorstErrors
from kws_core.report.spectrogram import HEIGHT, spectrogram_png
from kws_core.report.streams import streams_figure, streams_table
from kws_core.report.worst_errors import GALLERY_BYTES, worst_error_galleries

NOISE = np.random.default_rng(0).normal(0, 0.2, (1, 16000)).astype(np.float32)


def tone(hertz):
    return (12000 * np.sin(2 * np.pi * hertz * np.arange(16000) / 16000)).astype(np.int16)


def brightness(png):
    image = Image.open(io.BytesIO(png))
    assert image.size == (101, HEIGHT)
    return np.asarray(image.convert("L"), np.float64)


def test_low_tones_are_at_the_bottom():
    low, high = (brightness(spectrogram_png(tone(hertz)))[:, 20:80].mean(axis=1) for hertz in (200, 5000))
    assert low.argmax() > 40
    assert high.argmax() < 10
    assert low.max() > 200
    assert np.median(low) < 20


def test_small_and_the_same_bytes_and_silence_is_no_error():
    pcm = (NOISE[0] * 32767).clip(-32768, 32767).astype(np.int16)
    assert len(spectrogram_png(pcm)) < 6000
    assert spectrogram_png(pcm) == spectrogram_png(pcm)
    assert spectrogram_png(np.zeros(16000, np.int16))


def error(rows=(3,), heard="go", margin=0.25):
    return WorstError(rows, "tree", heard, margin, ("anna",) * len(rows))


def test_errors_say_what_was_heard_and_by_how_much():
    alarms, rejections = worst_error_galleries(
        WorstErrors((error(),), (error(heard="", margin=-0.5),)), lambda rows: 0.01 * NOISE
    )
    (alarm,), (rejection,) = alarms.clips, rejections.clips
    assert (alarm.title, alarm.note) == ("“tree”, heard as “go”", "0.250 above its threshold; anna")
    assert (rejection.title, rejection.note) == ("“tree”, not heard", "0.500 below its threshold; anna")
    assert np.sqrt(np.mean(np.square(decode_flac(alarm.flac) / 32768))) > 0.015  # it was 0.002
    assert brightness(alarm.spectrogram).shape == (HEIGHT, 101)


def test_the_sides_of_a_trial_follow_each_other():
    found = WorstErrors((error((1, 2), ""),), (), of_trials=True)
    alarms, rejections = worst_error_galleries(found, lambda rows: np.repeat(NOISE, len(rows), axis=0))
    assert len(decode_flac(alarms.clips[0].flac)) == 2 * 16000 + 4000
    assert rejections.clips == ()
    assert rejections.note == "There are none."


def test_sound_is_bounded_and_what_is_left_out_is_told():
    alarms, _ = worst_error_galleries(WorstErrors((error(),) * 60, ()), lambda rows: NOISE)
    held = sum(len(clip.flac) + len(clip.spectrogram) for clip in alarms.clips)
    assert 0.9 * GALLERY_BYTES < held <= GALLERY_BYTES
    assert f"{60 - len(alarms.clips)} more are left out" in alarms.note


def test_streams_by_level_and_kind():
    found = random_streams(4.0, 1)
    table = streams_table("version 4", found)
    first = dict(zip(table.columns, table.rows[0], strict=True))
    assert first["False alarms"] == str(found.false_alarms.count)
    assert first["FRR"].endswith(f"n {found.frr.count}")
    assert [row[0] for row in table.rows[1:5]] == [
        f"keywords {level} dB above their surroundings" for level in (20, 10, 5, 0)
    ]
    assert table.rows[5][0] == "streams of keywords in speech"
    assert table.note.startswith(found.false_alarms.sentence("false alarm"))
    figure = streams_figure({"version 4": found, "version 3": random_streams(3.0, 2)})
    assert figure.svg == streams_figure({"version 4": found, "version 3": random_streams(3.0, 2)}).svg
    for said in ("version 4", "version 3", "False alarms an hour", "Keywords missed (%)"):
        assert said in figure.svg
