"""What `kws serve` holds between requests: words that outlive it, models that take them or not, folders that change."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from serving import VOICES, say, words_bundle

from flows.serve.enrolled_words import EnrolledWords, Word
from flows.serve.metrics import Metrics
from flows.serve.model_holder import ModelHolder
from flows.serve.served_model import GENERAL, OWN, serve_model
from flows.serve.sources import FolderSource
from flows.serve.watch import Watch
from kws_core.backends.softmax import SoftmaxBackend
from kws_core.bundle import CENTROIDS, ENCODER, SOFTMAX, WEIGHTS, Bundle, OperatingPoint, tensor_bytes, write_bundle
from kws_core.enrolment_example import Example
from kws_core.errors import ConfigError


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return words_bundle(tmp_path_factory.mktemp("models") / "own", "marvin")


@pytest.fixture(scope="module")
def closed(own: Bundle) -> Bundle:
    """A bundle that decides by softmax and has no cohort, as a trained one: no centroid can be added to it."""
    centroid = own.tensors(CENTROIDS)["centroids"][:1]
    backend = SoftmaxBackend(("marvin",), np.concatenate([9 * centroid, -9 * centroid]), np.zeros(2, np.float32), True)
    kept = own.description.model_dump(include={"features", "encoder", "datasets", "licences", "keyword_durations_s"})
    contents = {name: (own.folder / name).read_bytes() for name in (ENCODER, WEIGHTS)}
    description = {
        **kept,
        "name": "closed",
        "keywords": ("marvin",),
        "decision": "softmax",
        "thresholds": {"softmax": (-0.1,)},
        "operating_point": OperatingPoint(far=0.01, non_target_segments=100, speakers=1),
        "metrics": {},
    }
    return write_bundle(
        own.folder.with_name("closed"), {**contents, SOFTMAX: tensor_bytes(backend.arrays())}, description
    )


def word(keyword: str) -> Word:
    examples = tuple(Example(f"{keyword} {rate}", say(keyword, voice, rate)) for voice, rate in VOICES)
    return Word(keyword, examples, 0.005)


def test_a_model_that_takes_no_words_is_helped_by_the_general_encoder(own: Bundle, closed: Bundle) -> None:
    words = [word("computer"), word("marvin")]
    helped = serve_model("1", closed, words)
    assert helped.encoder == GENERAL
    assert helped.listener.keywords == ("marvin", "computer")
    assert list(helped.waiting) == ["marvin"]
    assert "has the keyword 'marvin' already" in helped.waiting["marvin"]
    gap = np.zeros(12000, np.float32)
    pcm = np.concatenate([gap, say("computer"), gap, say("marvin"), gap])
    heard = helped.listener.hear(pcm)
    assert heard.detections[0].keyword == "computer"
    assert {each.keyword for each in heard.detections} == {"computer", "marvin"}
    assert heard.best.keyword == "marvin", "the model's own keyword comes first: scores cannot be compared"
    stream = helped.listener.stream()
    streamed = [*stream.push(pcm[:20000]), *stream.push(pcm[20000:]), *stream.finish()]
    assert sorted(streamed, key=lambda each: each.start_s) == heard.detections
    # the same words on a model that takes them
    taken = serve_model("2", own, words)
    assert (taken.encoder, taken.listener.keywords) == (OWN, ("marvin", "computer"))
    assert taken.threshold("computer") == pytest.approx(helped.threshold("computer"), abs=0.1)


def test_words_outlive_the_service_in_their_order(tmp_path: Path) -> None:
    first = EnrolledWords(tmp_path)
    for keyword in ("window", "a/b ..", "computer"):
        first.add(Word(keyword, word("computer").examples[:1], 0.01))
    first.remove("window")
    first.add(Word("window", word("window").examples, None, 2.0))
    again = EnrolledWords(tmp_path).all()
    assert [each.keyword for each in again] == ["a/b ..", "computer", "window"]
    assert (again[2].far, again[2].max_false_alarms_per_hour) == (None, 2.0)
    assert np.allclose(again[2].examples[1].pcm, word("window").examples[1].pcm, atol=1e-4)
    assert {path.parent for path in tmp_path.glob("*/*")} == set(tmp_path.iterdir())
    (next(tmp_path.iterdir()) / "word.json").write_text('{"keyword": 1}')
    with pytest.raises(ConfigError, match="not an enrolled word of kws serve"):
        EnrolledWords(tmp_path)


def test_a_folder_whose_bundle_is_replaced_swaps_and_a_damaged_one_does_not(
    own: Bundle, closed: Bundle, tmp_path: Path
) -> None:
    place = tmp_path / "served"
    shutil.copytree(own.folder, place)
    metrics = Metrics()
    holder = ModelHolder(FolderSource(place), EnrolledWords(None), metrics)
    kept = holder.current
    assert not holder.refresh()
    watch = Watch(holder, metrics, 0.02)
    watch.start()
    try:
        (place / ENCODER).write_bytes(b"damaged")
        _until(lambda: watch.problem is not None and "damaged" in watch.problem)
        assert holder.current is kept
        shutil.rmtree(place)
        shutil.copytree(closed.folder, place)
        _until(lambda: holder.current.name == "closed")
        _until(lambda: watch.problem is None)
    finally:
        watch.stop()
    assert kept.base.folder.exists(), "whoever still uses the former model can"
    copy = kept.base.folder
    del kept
    assert not copy.exists(), "and nobody does any more"
    assert b"kws_model_swaps_total 1.0" in metrics.text()


def _until(true: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
