"""Keywords enrolled by example: what is learnt, what is refused, and that they are found in recordings."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from encoder_bundles import COHORT_VOICES, COHORT_WORDS, make_encoder_bundle, say

from kws_core.backends.transforms import NormalisedBackend
from kws_core.bundle import CENTROIDS, COHORT, SVM, load_bundle, tensor_bytes, write_bundle
from kws_core.cohort import Cohort
from kws_core.detector import stream_scores
from kws_core.enrolment import enrol
from kws_core.enrolment_example import Example, locate_word
from kws_core.enrolment_threshold import TRIALS_PER_HOUR
from kws_core.errors import AudioError, BundleError, ConfigError
from kws_core.onnx_encoder import OnnxEncoder
from kws_core.spotter import Spotter

FAR = 0.002
SEGMENTS = len(COHORT_WORDS) * len(COHORT_VOICES) + 2
MANNERS = ((150, 50), (165, 50), (180, 45), (170, 60))


def examples(word, voice="en-us+m1", count=4):
    return [Example(f"{word}-{place}.wav", say(word, voice, *manner)) for place, manner in enumerate(MANNERS[:count])]


def normalised(embedding, cohort, direction):
    """AS-norm by the ten nearest of the cohort."""

    def statistics(cosines):
        nearest = np.sort(cosines)[-10:]
        return nearest.mean(), nearest.std()

    score = float(embedding @ direction)
    pairs = (statistics(cohort @ direction), statistics(cohort @ embedding))
    return sum((score - mean) / deviation for mean, deviation in pairs) / 2


def tail_threshold(cohort, direction, far):
    """An exponential tail through the five highest of fifty scores, each of the cohort's rows by the others."""
    scores = []
    for place, row in enumerate(cohort):
        others = np.delete(cohort, place, axis=0)
        # the direction's own statistics are those of the whole cohort
        mean, deviation = (f(np.sort(cohort @ direction)[-10:]) for f in (np.mean, np.std))
        by_row = np.sort(others @ row)[-10:]
        score = float(row @ direction)
        scores.append(((score - mean) / deviation + (score - by_row.mean()) / by_row.std()) / 2)
    highest = np.sort(scores)[::-1]
    start = highest[5]
    return start + np.mean(highest[:5] - start) * np.log(0.1 / far)


@pytest.fixture(scope="module")
def general(tmp_path_factory):
    return make_encoder_bundle(tmp_path_factory.mktemp("general"))


@pytest.fixture(scope="module")
def enrolled(general, tmp_path_factory):
    """The bundle with the keyword "marvin"."""
    folder = tmp_path_factory.mktemp("enrolled") / "bundle"
    return enrol(general, {"marvin": examples("marvin")}, FAR).write(folder)


def test_centroid_threshold_and_provenance_by_hand(general, enrolled):
    encoder = OnnxEncoder(general.encoder_path)
    recordings = examples("marvin")
    words = [locate_word(recording) for recording in recordings]
    rows = [encoder.embed(word.window[None])[0].astype(np.float64) for word in words]
    cohort = general.tensors(COHORT)["embeddings"].astype(np.float64)
    cohort /= np.linalg.norm(cohort, axis=1, keepdims=True)
    covariance = np.cov(cohort.T, bias=True)
    ridge = 3 * np.mean(np.diag(covariance)) * np.eye(len(covariance))
    direction = np.linalg.inv(covariance + ridge) @ (sum(rows) / np.linalg.norm(sum(rows)) - cohort.mean(axis=0))
    direction /= np.linalg.norm(direction)
    np.testing.assert_allclose(enrolled.tensors(CENTROIDS)["centroids"], direction[None], atol=1e-4)

    description = enrolled.description
    assert description.score_normalisation.top == SEGMENTS // 5
    (threshold,) = description.thresholds["centroid"]
    assert threshold == pytest.approx(tail_threshold(cohort, direction, FAR), abs=1e-4)
    assert Spotter(enrolled).scores(words[0].window[None])[0, 0] == pytest.approx(
        normalised(rows[0], cohort, direction), abs=1e-4
    )

    origin = description.enrolled["marvin"]
    others = [sum(rows[:k] + rows[k + 1 :]) for k in range(4)]
    cosines = [float(row @ other / np.linalg.norm(other)) for row, other in zip(rows, others, strict=True)]
    assert origin.least_cosine == pytest.approx(min(cosines), abs=1e-5)
    assert origin.examples == tuple(hashlib.sha256(recording.pcm.tobytes()).hexdigest() for recording in recordings)
    point = origin.operating_point
    assert (point.far, point.non_target_segments, point.speakers) == (FAR, SEGMENTS, 4)
    assert point.shortage.startswith(
        "FAR 0.002 (about 30 false alarms an hour of speech) is extrapolated from the tail of 50 other segments, which "
        "show at most FAR 0.06 at 95 %"
    )
    assert description.keyword_durations_s == (round(float(np.median([word.duration_s for word in words])), 3),)
    assert description.operating_point is None
    assert description.metrics == general.description.metrics
    assert description.features == general.description.features
    for name in general.description.files:
        assert (enrolled.folder / name).read_bytes() == (general.folder / name).read_bytes()


def test_enrolling_again_gives_the_same_bytes(general, enrolled, tmp_path):
    again = enrol(general, {"marvin": examples("marvin")}, FAR).write(tmp_path / "again")
    assert again.fingerprint == enrolled.fingerprint


def test_the_keyword_is_found_where_it_is_said_and_other_words_are_not(enrolled):
    spotter = Spotter.load(enrolled.folder)
    recording, said_at_s = np.zeros(16000, np.float32), {}
    for word in ("garden", "marvin", "orange", "marvin", "silver"):
        said_at_s.setdefault(word, []).append(len(recording) / 16000)
        recording = np.concatenate([recording, say(word, rate=160), np.zeros(8000, np.float32)])
    events = spotter.detect(recording)
    assert [event.keyword for event in events] == ["marvin", "marvin"]
    for event, start_s in zip(events, said_at_s["marvin"], strict=True):
        assert start_s < (event.start_s + event.end_s) / 2 < start_s + 1.2


def test_one_example_is_enough(general, tmp_path):
    bundle = enrol(general, {"window": examples("window", count=1)}, FAR).write(tmp_path / "one")
    assert bundle.description.enrolled["window"].least_cosine is None
    assert [event.keyword for event in Spotter(bundle).detect(say("window", rate=170))] == ["window"]


def test_keywords_are_added_one_by_one_or_at_once(general, enrolled, tmp_path):
    second = enrol(enrolled, {"window": examples("window")}, 0.004).write(tmp_path / "second")
    assert second.description.keywords == ("marvin", "window")
    np.testing.assert_array_equal(second.tensors(CENTROIDS)["centroids"][:1], enrolled.tensors(CENTROIDS)["centroids"])
    assert second.description.thresholds["centroid"][:1] == enrolled.description.thresholds["centroid"]
    assert [second.description.enrolled[word].operating_point.far for word in ("marvin", "window")] == [FAR, 0.004]
    both = {"marvin": examples("marvin"), "window": examples("window")}
    once = enrol(general, both, FAR).write(tmp_path / "once")
    np.testing.assert_allclose(once.tensors(CENTROIDS)["centroids"], second.tensors(CENTROIDS)["centroids"], atol=1e-6)
    spotter = Spotter(second)
    for word in both:
        assert [event.keyword for event in spotter.detect(say(word, rate=160))] == [word]


def test_a_bundle_may_be_written_over_the_one_that_it_was_made_from(enrolled, tmp_path):
    folder = Path(shutil.copytree(enrolled.folder, tmp_path / "own"))
    enrol(load_bundle(folder), {"window": examples("window")}, FAR).write(folder)
    assert load_bundle(folder).description.keywords == ("marvin", "window")


def test_a_keyword_that_exists_is_replaced_only_on_demand(enrolled, tmp_path):
    others = {"marvin": examples("marvin", "en+f4")}
    with pytest.raises(ConfigError, match="has the keyword 'marvin' already"):
        enrol(enrolled, others, FAR)
    bundle = enrol(enrolled, others, FAR, replace=True).write(tmp_path / "replaced")
    assert bundle.description.keywords == ("marvin",)
    assert bundle.description.enrolled["marvin"] != enrolled.description.enrolled["marvin"]
    assert not np.allclose(bundle.tensors(CENTROIDS)["centroids"], enrolled.tensors(CENTROIDS)["centroids"], atol=1e-2)


def test_a_word_of_the_cohort_is_not_calibrated_against_itself(general):
    learnt = enrol(general, {"Garden": examples("garden")}, FAR)
    (origin,) = learnt.origins
    assert origin.operating_point.non_target_segments == SEGMENTS - len(COHORT_VOICES)
    assert Cohort.from_arrays(general.tensors(COHORT)).is_other("Garden").sum() == SEGMENTS - len(COHORT_VOICES)


def test_trained_keywords_go_on_with_their_centroids(spoken, general, tmp_path):
    embeddings = spoken.embeddings[:40]
    labels = tuple(spoken.selection["label"].to_pylist()[:40])
    contents = {**spoken.contents, COHORT: tensor_bytes(Cohort(embeddings, labels, 5).arrays())}
    metrics = {"in_vocabulary.eer": 0.2, "centroid.target_accuracy": 0.9, "svm.non_target_accuracy": 0.8}
    trained = write_bundle(tmp_path / "trained", contents, {**spoken.description, "metrics": metrics})
    bundle = enrol(trained, {"hello": examples("hello", count=2)}, 0.1).write(tmp_path / "more")
    assert bundle.description.keywords == (*spoken.description["keywords"], "hello")
    assert set(bundle.description.thresholds) == {"centroid"}
    assert bundle.description.thresholds["centroid"][:-1] == spoken.description["thresholds"]["centroid"]
    assert bundle.description.operating_point == spoken.description["operating_point"]
    assert bundle.description.metrics == {"in_vocabulary.eer": 0.2}
    assert SVM not in bundle.description.files
    np.testing.assert_array_equal(bundle.tensors(CENTROIDS)["centroids"][:-1], spoken.fitted.centroid.centroids)

    svm = write_bundle(tmp_path / "svm", contents, {**spoken.description, "decision": "svm"})
    with pytest.raises(BundleError, match="it decides by svm and not by centroid"):
        enrol(svm, {"hello": examples("hello", count=1)}, 0.1)
    with pytest.raises(BundleError, match="has no cohort"):
        enrol(spoken.bundle, {"hello": examples("hello", count=1)}, 0.1)


@pytest.mark.parametrize(
    ("far", "accepted"), [(0.00199, False), (0.002, True), (0.0, False), (1.0, False), (-1, False)]
)
def test_far_that_the_cohort_is_too_small_for(general, far, accepted):
    given = {"marvin": examples("marvin", count=1)}
    if accepted:
        assert enrol(general, given, far).origins[0].operating_point.far == far
        return
    with pytest.raises(ConfigError, match=f"far is {far:g}; from a cohort of 50 segments, at least 0.002 and less"):
        enrol(general, given, far)


def test_a_far_that_the_cohort_shows_is_counted(general):
    learnt = enrol(general, {"marvin": examples("marvin")}, 0.2)
    assert learnt.origins[0].operating_point.shortage is None
    cohort = general.tensors(COHORT)["embeddings"].astype(np.float64)
    cohort /= np.linalg.norm(cohort, axis=1, keepdims=True)
    scores = NormalisedBackend(learnt.backend, cohort.astype(np.float32), learnt.top).score_cohort()
    assert (scores >= learnt.thresholds[0]).sum() == 10


def test_a_wish_in_false_alarms_is_a_far_of_the_cohort(general):
    given = {"marvin": examples("marvin")}
    by_hour = enrol(general, given, None, max_false_alarms_per_hour=0.005 * TRIALS_PER_HOUR)
    assert by_hour.thresholds == enrol(general, given, 0.005).thresholds
    point = by_hour.origins[0].operating_point
    assert (point.far, point.max_false_alarms_per_hour, point.non_target_segments) == (None, 75.0, SEGMENTS)
    assert point.shortage.startswith("75 false alarms an hour is extrapolated from the tail of 50 other segments")
    with pytest.raises(ConfigError, match=r"is 1; from a cohort of 50 segments, at least 30 and .*give recordings"):
        enrol(general, given, None, max_false_alarms_per_hour=1.0)


def test_a_wish_in_false_alarms_is_calibrated_on_recordings_without_the_keyword(general, tmp_path):
    others = [Example(f"{word}.wav", say(word, "en+f4")) for word in ("garden", "martin", "silver", "yesterday")]
    given = {"marvin": examples("marvin")}
    learnt = enrol(general, given, None, max_false_alarms_per_hour=0.5, without=others)
    (origin,), (threshold,) = learnt.origins, learnt.thresholds
    point = origin.operating_point
    assert (point.far, point.max_false_alarms_per_hour, point.recordings) == (None, 0.5, 4)
    assert point.hours == pytest.approx(sum(len(other.pcm) for other in others) / 16000 / 3600, abs=1e-6)
    assert point.shortage.startswith(f"{point.hours:.2g} h are too few for 0.5 false alarms an hour")
    # not one is allowed: the threshold is the next number above the highest score that the spotter finds there
    spotter = Spotter(learnt.write(tmp_path / "strict"))
    scores = [score.max() for score in (stream_scores(other.pcm, spotter.scores) for other in others)]
    assert threshold == np.nextafter(max(scores), np.inf)
    # streams add up in another order than whole windows
    strict = spotter.at_thresholds(np.array([threshold + 1e-3]))
    assert not any(strict.detect(other.pcm) for other in others)
    # as many as there are: 4 recordings in so many hours
    loose = enrol(general, given, None, max_false_alarms_per_hour=1.01 / point.hours, without=others)
    assert loose.thresholds[0] < threshold
    found = Spotter(loose.write(tmp_path / "loose")).at_thresholds(np.array(loose.thresholds) + 1e-3)
    assert sum(len(found.detect(other.pcm)) for other in others) == 1


def test_a_wish_is_stated_once_and_with_what_it_needs(general):
    given, other = {"marvin": examples("marvin", count=1)}, [Example("other", say("garden"))]
    for wish, told in (
        ({"far": None}, "exactly one of far and max_false_alarms_per_hour"),
        ({"far": 0.1, "max_false_alarms_per_hour": 1.0, "without": other}, "exactly one of"),
        ({"far": 0.1, "without": other}, "recordings that do not hold the keyword"),
        ({"far": None, "max_false_alarms_per_hour": 0.0, "without": other}, "max_false_alarms_per_hour is 0; more"),
        (
            {"far": None, "max_false_alarms_per_hour": 1.0, "without": [Example("empty", np.zeros(0, np.float32))]},
            "empty: the recording holds no samples",
        ),
    ):
        with pytest.raises(ConfigError, match=told):
            enrol(general, given, **wish)


def test_a_bundle_with_calibrated_scores_takes_no_words(spoken, tmp_path):
    cohort = Cohort(spoken.embeddings[:40], tuple(spoken.selection["label"].to_pylist()[:40]), 5)
    contents = {**spoken.contents, COHORT: tensor_bytes(cohort.arrays())}
    lines = {"slopes": (1.0,) * 3, "offsets": (0.0,) * 3}
    changes = {"score_normalisation": {"top": 20}, "score_calibration": {"centroid": lines}}
    bundle = write_bundle(tmp_path / "b", contents, {**spoken.description, **changes})
    with pytest.raises(BundleError, match="no words can be enrolled, its scores are calibrated"):
        enrol(bundle, {"hello": examples("hello", count=1)}, 0.1)


def test_normalised_scores_of_trained_keywords_go_on(spoken, tmp_path):
    cohort = Cohort(spoken.embeddings[:40], tuple(spoken.selection["label"].to_pylist()[:40]), 5)
    contents = {**spoken.contents, COHORT: tensor_bytes(cohort.arrays())}
    trained = write_bundle(tmp_path / "b", contents, {**spoken.description, "score_normalisation": {"top": 20}})
    bundle = enrol(trained, {"hello": examples("hello", count=1)}, 0.1).write(tmp_path / "more")
    assert bundle.description.score_normalisation.top == 20
    before = trained.backend("centroid").score(spoken.embeddings[:5])
    np.testing.assert_allclose(bundle.backend("centroid").score(spoken.embeddings[:5])[:, :3], before, atol=1e-5)


def test_a_word_that_is_close_to_a_keyword_is_told(enrolled):
    same = {"martha": [Example("a", say("marvin", rate=158)), Example("b", say("marvin", rate=172))]}
    (warning,) = enrol(enrolled, same, FAR).warnings
    assert warning.startswith("'martha' is close to the keyword 'marvin': only 0.0% of the cohort's other words")
    assert enrol(enrolled, {"kitchen": examples("kitchen")}, FAR).warnings == ()


def test_what_was_told_of_the_examples_is_kept(general, tmp_path):
    given = {"window": examples("window", count=2)}
    told = enrol(general, given, FAR, speakers=["ada"], date="2026-11-22").write(tmp_path / "told")
    origin = load_bundle(told.folder).description.enrolled["window"]
    assert (origin.speakers, origin.date) == (("ada", "ada"), "2026-11-22")
    (untold,) = enrol(general, given, FAR).origins
    assert not {"speakers", "date"} & set(untold.model_dump())
    with pytest.raises(ConfigError, match="keyword 'window' has 2 examples and 3 speakers"):
        enrol(general, given, FAR, speakers=["a", "b", "c"])


def test_a_spotter_learns_a_word_from_files_and_arrays(enrolled, tmp_path):
    soundfile.write(tmp_path / "window.wav", say("window"), 16000)
    spotter = Spotter(enrolled).enrol("window", [tmp_path / "window.wav", say("window", rate=150)], far=FAR)
    assert spotter.keywords == ("marvin", "window")
    assert [event.keyword for event in spotter.detect(say("window", rate=160))] == ["window"]
    with pytest.raises(AudioError, match=r"^recording 1: silence$"):
        spotter.enrol("silence", [np.zeros(16000, np.float32)], tmp_path / "none", far=FAR)


def test_keywords_that_are_refused(general):
    one = examples("marvin", count=1)
    for given, told in (
        ({}, "there is no keyword to enrol"),
        ({"marvin": []}, "keyword 'marvin' has no examples; at least one"),
        ({"": one}, "keyword '' is not words"),
        ({" hey  marvin": one}, "is not words separated by single spaces"),
        ({"marvin": one * 11}, "keyword 'marvin' has 11 examples; at most 10"),
    ):
        with pytest.raises(ConfigError, match=told):
            enrol(general, given, FAR)


def test_an_example_of_another_word_is_named(general):
    mixed = [*examples("marvin", count=3), Example("wrong.wav", say("kitchen"))]
    with pytest.raises(AudioError, match=r"^wrong\.wav: unlike the others: the cosine is -?0\.\d+, .*'marvin'"):
        enrol(general, {"marvin": mixed}, FAR)
    pair = [Example("a.wav", say("marvin")), Example("b.wav", say("people"))]
    with pytest.raises(AudioError, match=r"^a\.wav: unlike the other, b\.wav: "):
        enrol(general, {"marvin": pair}, FAR)
    halves = [*examples("marvin", count=2), *examples("people", count=2)]
    told = r"^the recordings of 'marvin' are of 2 different words: marvin-0\.wav, marvin-1\.wav; people-0\.wav, peop"
    with pytest.raises(AudioError, match=told):
        enrol(general, {"marvin": halves}, FAR)


def test_the_same_recording_twice_is_named(general):
    first = examples("marvin", count=1)[0]
    with pytest.raises(AudioError, match=r"^copy\.wav: the same recording as marvin-0\.wav$"):
        enrol(general, {"marvin": [first, Example("copy.wav", first.pcm.copy())]}, FAR)


def test_a_bad_example_is_named(general):
    with pytest.raises(AudioError, match=r"^empty\.wav: silence$"):
        enrol(general, {"marvin": [Example("empty.wav", np.zeros(16000, np.float32))]}, FAR)


SERVICE = """
import json, sys
for name in ("torch", "sklearn", "scipy", "pandas", "pyarrow", "prefect", "ray", "mlflow", "onnx", "pocketsphinx"):
    sys.modules[name] = None
from pathlib import Path
import numpy as np
from kws_core.bundle import load_bundle
from kws_core.detector import stream_scores
from kws_core.enrolment import enrol
from kws_core.enrolment_example import Example

pcm = np.load(sys.argv[2], allow_pickle=False)
bundle = enrol(load_bundle(Path(sys.argv[1])), {"marvin": [Example("a", pcm)]}, 0.05).write(Path(sys.argv[3]))
print(json.dumps(bundle.description.keywords))
"""


def test_enrolment_works_without_what_trains(general, tmp_path):
    np.save(tmp_path / "marvin.npy", say("marvin"))
    command = [sys.executable, "-W", "error", "-c", SERVICE, general.folder, tmp_path / "marvin.npy", tmp_path / "out"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["marvin"]
