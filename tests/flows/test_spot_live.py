"""`kws spot` on several files and on live sound, `kws listen` and `kws export`, as a user types them."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
from experiments import KWS

sys.path.insert(0, str(Path(__file__).parents[1] / "kws_core"))
from encoder_bundles import say
from keyword_bundles import make_keyword_bundle

from flows.export import export_model
from flows.live import microphone, standard_input
from flows.spot import known_keywords, open_spotter, print_detections
from kws_core.errors import AudioError, ConfigError

RATE = 16_000
WORDS = ("computer", "umbrella")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An encoder bundle, one that spots two words, a recording of both and its raw samples."""
    folder = tmp_path_factory.mktemp("live")
    make_keyword_bundle(folder, WORDS)
    heard = np.concatenate(
        [say("computer"), np.zeros(RATE, np.float32), say("umbrella"), np.zeros(2 * RATE, np.float32)]
    )
    soundfile.write(folder / "both.wav", heard, RATE, subtype="PCM_16")
    (folder / "both.raw").write_bytes(soundfile.read(folder / "both.wav", dtype="int16")[0].tobytes())
    return folder


MODEL = "own"


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


def test_files_and_standard_input_give_the_same_detections(folder, capsys, monkeypatch):
    both = folder / "both.wav"
    print_detections([both, both], open_spotter(str(folder / MODEL), ""), (), json_lines=True)
    found = rows(capsys.readouterr().out)
    expected, again = found[: len(found) // 2], found[len(found) // 2 :]
    assert expected == again
    assert {row["keyword"] for row in expected} == set(WORDS)
    live = io.TextIOWrapper(io.BytesIO((folder / "both.raw").read_bytes()))
    monkeypatch.setattr("sys.stdin", live)
    print_detections([Path("-")], open_spotter(str(folder / MODEL), "", "+0"), ("umbrella",), json_lines=True)
    wanted = [row for row in expected if row["keyword"] == "umbrella"]
    assert rows(capsys.readouterr().out) == [{**row, "recording": "-"} for row in wanted]


def test_a_threshold_with_a_sign_is_added_and_one_without_is_for_all(folder):
    model = str(folder / MODEL)
    np.testing.assert_allclose(open_spotter(model, "", "-0.05").thresholds, [0.55, 0.55])
    np.testing.assert_allclose(open_spotter(model, "", "+0.05").thresholds, [0.65, 0.65])
    np.testing.assert_allclose(open_spotter(model, "", "0.8").thresholds, [0.8, 0.8])


def test_detections_are_printed_while_the_sound_goes_on(folder):
    command = [KWS, "spot", "-", "--model", MODEL]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        content = (folder / "both.raw").read_bytes()
        running.stdin.write(content[: len(content) // 2])
        running.stdin.flush()
        header, first = running.stdout.readline(), running.stdout.readline()  # standard input is still open
        assert header.split() == b"keyword start s end s score".split()
        assert first.split()[0] == b"computer"
        running.stdin.close()
        running.stdout.read()
        assert running.wait(60) == 0


def test_mistakes_are_told_in_one_sentence(folder, monkeypatch):
    model = str(folder / MODEL)
    with pytest.raises(ConfigError, match="--keyword 'umbrela' is unknown; the model has computer, umbrella"):
        known_keywords(open_spotter(model, ""), ["umbrela"])
    for wrong in ("high", "nan"):
        with pytest.raises(ConfigError, match=f"--threshold '{wrong}' is no number"):
            open_spotter(model, "", wrong)
    for content, told in ((b"RIFF" + bytes(40), "begins like a WAV file"), (bytes(4001), "ends within a sample")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        with pytest.raises(AudioError, match=told):
            list(standard_input())


def test_listening_without_sounddevice_is_told_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ConfigError, match="package sounddevice, which is not installed: pip install sounddevice"):
        next(microphone())


def test_exported_encoders_are_the_same_within_what_the_table_says(folder):
    export_model(str(folder / "bundle"), folder / "devices", None, "")
    table = json.loads((folder / "devices" / "export.json").read_text())["models"]
    files = ["encoder.onnx", "encoder.int8.onnx", "encoder.streaming.onnx"]
    assert [row["file"] for row in table] == files
    for row in table:
        content = (folder / "devices" / row["file"]).read_bytes()
        assert len(content) == row["bytes"]
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model, full_check=True)
        assert [entry.version for entry in model.opset_import if not entry.domain] == [17]
        assert {value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.input} == {"batch"}
    whole, int8, streaming = table
    assert int8["bytes"] < whole["bytes"]
    assert whole["least_cosine"] == 1
    assert 0.9 < int8["least_cosine"] < 1
    assert streaming["least_cosine"] == pytest.approx(1, abs=1e-6)
    assert streaming["multiplies"] < whole["multiplies"] == int8["multiplies"]


def test_a_streaming_encoder_hears_what_windows_hold(folder):
    """Hop by hop over a recording of two streams, state in and out, against the window that ends there."""
    export_model(str(folder / "bundle"), folder / "listening", None, "")
    session = onnxruntime.InferenceSession(folder / "listening" / "encoder.streaming.onnx")
    whole = onnxruntime.InferenceSession(folder / "listening" / "encoder.onnx")
    heard = np.stack([np.resize(say(text), 20 * 1280) for text in ("computer", "kitchen umbrella")])
    state = {each.name: np.zeros((2, *each.shape[1:]), np.float32) for each in session.get_inputs()[1:]}
    compared = 0
    for hop in range(heard.shape[1] // 1280):
        end = (hop + 1) * 1280
        outputs = session.run(None, {"pcm": heard[:, end - 1280 : end], **state})
        state = dict(zip(state, outputs[1:], strict=True))
        if end >= RATE:
            (expected,) = whole.run(None, {"pcm": np.ascontiguousarray(heard[:, end - RATE : end])})
            np.testing.assert_allclose(outputs[0], expected, atol=1e-5)
            compared += 1
    assert compared >= 3
