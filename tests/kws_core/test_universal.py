"""The bundle that comes with the package: whole, small, and good enough to enrol a word with."""

from pathlib import Path

import numpy as np
import pytest

import kws_core.universal
from kws_core.audio import pcm16_to_float
from kws_core.bundle import COHORT, ENCODER, WEIGHTS, Bundle, load_bundle
from kws_core.cohort import Cohort
from kws_core.corpora.espeak import Synthesizer
from kws_core.enrolment import enrol
from kws_core.enrolment_example import Example
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.spotter import Spotter
from kws_core.universal import universal_bundle_path

LARGEST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(universal_bundle_path())


def say(word: str, voice: str, rate: int = 160) -> np.ndarray:
    return pcm16_to_float(np.pad(Synthesizer().synthesize(word, voice, rate).pcm16, 4000))


def test_its_folder_lies_in_the_package() -> None:
    folder = universal_bundle_path()
    assert folder.parent == Path(kws_core.universal.__file__).parent
    assert folder.name == "bundle"


def test_it_is_a_small_encoder_bundle_with_its_licences(bundle: Bundle) -> None:
    assert bundle.description.keywords == ()
    assert set(bundle.description.files) == {ENCODER, WEIGHTS, COHORT}
    assert sum((bundle.folder / name).stat().st_size for name in bundle.files) <= LARGEST_BYTES
    licences = " ".join(bundle.description.licences)
    assert all(name in licences for name in ("CC BY 4.0", "BSD", "CC0"))
    assert "CC BY-SA" not in licences, "FSDD is its test"
    assert len(Cohort.from_arrays(bundle.tensors(COHORT))) == 1000


def test_its_encoder_gives_unit_embeddings_of_the_size_it_states(bundle: Bundle) -> None:
    windows = np.random.default_rng(0).normal(0, 0.1, (3, 16000)).astype(np.float32)
    embeddings = OnnxEncoder(bundle.encoder_path).embed(windows)
    assert embeddings.shape == (3, bundle.description.encoder["embedding_dim"])
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(3), abs=1e-4)


def test_a_word_that_nobody_trained_on_is_enrolled_and_told_from_others(bundle: Bundle, tmp_path: Path) -> None:
    examples = [Example(voice, say("athena", voice)) for voice in ("en-us+m1", "en-us+f2", "en-us+max")]
    enrol(bundle, {"athena": examples}, far=0.01).write(tmp_path / "own")
    spotter = Spotter.load(tmp_path / "own")
    said = {word: say(word, "en-us+rob", 150) for word in ("athena", "window", "garden", "seven", "monday")}
    found = {word: [detection.keyword for detection in spotter.detect(pcm)] for word, pcm in said.items()}
    assert found == {word: ["athena"] if word == "athena" else [] for word in said}
