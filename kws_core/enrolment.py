"""Keywords added to a bundle by a few recordings of them, without training.

The centroid of a keyword is the mean embedding of its examples; its threshold is calibrated on the bundle's cohort,
or on recordings that do not hold it.
Needs what a spotter needs: numpy and onnxruntime.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kws_core.backends.centroid import CentroidBackend
from kws_core.bundle import COHORT, Bundle, BundleDescription, EnrolledKeyword
from kws_core.cohort import Cohort
from kws_core.enrolled_keywords import EnrolledKeywords
from kws_core.enrolment_example import Example, locate_word
from kws_core.enrolment_threshold import check_wish, hear, threshold_by_cohort, threshold_by_recordings
from kws_core.errors import AudioError, BundleError, ConfigError
from kws_core.onnx_encoder import OnnxEncoder

FAR = 0.001
"""Share of the cohort's other words and background that may be taken for an enrolled keyword."""


def enrol(
    bundle: Bundle,
    examples: Mapping[str, Sequence[Example]],
    far: float | None = FAR,
    replace: bool = False,
    threads: int = 1,
    max_false_alarms_per_hour: float | None = None,
    without: Sequence[Example] = (),
) -> EnrolledKeywords:
    """Learn keywords from recordings of each, said alone.

    Args:
        bundle: has a cohort, and no keywords or the centroid back end.
        examples: by keyword; three or more by the people who will say it are better than one.
        far: share of the cohort that may be accepted by each keyword; at least one segment of the cohort.
        replace: a keyword that the bundle has already is learnt anew; without it that is an error.
        threads: of the encoder.
        max_false_alarms_per_hour: in place of `far`, which is None then: how often each keyword may be heard in
            recordings that do not hold it.
        without: those recordings, of any length.

    Raises:
        BundleError: the bundle has no cohort or decides by another back end.
        ConfigError: a keyword that exists or has no examples, a `far` that the cohort is too small for, or a wish that
            is not stated once and with what it needs.
        AudioError: an example that cannot be used, is there twice or is unlike the others.
    """
    cohort = _cohort(bundle)
    check_wish(far, max_false_alarms_per_hour, len(without), cohort)
    description = bundle.description
    _check_keywords(description, examples, replace)
    encoder = OnnxEncoder(bundle.encoder_path, threads)
    heard = hear(without, encoder)
    centroids, thresholds, durations_s, origins = [], [], [], []
    for keyword, recordings in examples.items():
        words = [locate_word(recording) for recording in recordings]
        embeddings = encoder.embed(np.stack([word.window for word in words]))
        if embeddings.shape[1] != cohort.embeddings.shape[1]:
            raise BundleError(f"{bundle.folder}: its encoder and its cohort have embeddings of different lengths")
        centroid = _mean(embeddings)
        if far is not None:
            threshold, point = threshold_by_cohort(keyword, centroid, cohort, far)
        else:
            threshold, point = threshold_by_recordings(keyword, centroid, heard, max_false_alarms_per_hour or 0.0)
        least = _check_agreement(keyword, recordings, embeddings, threshold)
        centroids.append(centroid)
        thresholds.append(threshold)
        durations_s.append(round(float(np.median([word.duration_s for word in words])), 3))
        hashes = tuple(recording.sha256 for recording in recordings)
        origins.append(EnrolledKeyword(examples=hashes, least_cosine=least, operating_point=point))
    backend = CentroidBackend(tuple(examples), np.stack(centroids))
    return EnrolledKeywords(bundle, backend, tuple(thresholds), tuple(durations_s), tuple(origins))


def _cohort(bundle: Bundle) -> Cohort:
    """The cohort of a bundle that can take keywords."""
    description = bundle.description
    if COHORT not in description.files:
        raise BundleError(
            f"{bundle.folder}: no words can be enrolled, it has no cohort ({COHORT}) to set their thresholds on"
        )
    if description.keywords and description.decision != "centroid":
        raise BundleError(
            f"{bundle.folder}: no words can be enrolled, it decides by {description.decision} and not by centroid"
        )
    if description.score_normalisation or description.score_calibration:
        raise BundleError(
            f"{bundle.folder}: no words can be enrolled, its scores are normalised or calibrated on development data"
        )
    return bundle.cohort()


def _check_keywords(description: BundleDescription, examples: Mapping[str, Sequence[Example]], replace: bool) -> None:
    if not examples:
        raise ConfigError("there is no keyword to enrol")
    for keyword, recordings in examples.items():
        if not keyword or keyword != " ".join(keyword.split()):
            raise ConfigError(f"keyword {keyword!r} is not words separated by single spaces")
        if keyword in description.keywords and not replace:
            raise ConfigError(f"the bundle has the keyword {keyword!r} already; replace it or choose another name")
        if not recordings:
            raise ConfigError(f"keyword {keyword!r} has no examples; at least one recording is needed")
        names: dict[str, str] = {}
        for recording in recordings:
            if recording.sha256 in names:
                raise AudioError(f"{recording.name}: the same recording as {names[recording.sha256]}")
            names[recording.sha256] = recording.name


def _check_agreement(
    keyword: str, recordings: Sequence[Example], embeddings: NDArray[np.float32], threshold: float
) -> float | None:
    """The least cosine of an example to the mean of the others; raises `AudioError` below the threshold."""
    if len(embeddings) < 2:
        return None
    cosines = [
        float(embeddings[place] @ _mean(np.delete(embeddings, place, axis=0))) for place in range(len(embeddings))
    ]
    worst = int(np.argmin(cosines))
    if cosines[worst] < threshold:
        name = recordings[worst].name
        other = f"the other, {recordings[1 - worst].name}" if len(recordings) == 2 else "the others"
        raise AudioError(
            f"{name}: unlike {other}: the cosine is {cosines[worst]:.3f}, and what counts as {keyword!r} at this far "
            f"starts at {threshold:.3f}; leave it out, record it again or allow a higher far"
        )
    return round(cosines[worst], 6)


def _mean(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean `[dim]` of L2-normalised `embeddings [n, dim]`, of length 1."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    if not length > 1e-6:
        raise AudioError("the examples are unlike each other: their embeddings cancel out")
    unit: NDArray[np.float32] = (mean / length).astype(np.float32)
    return unit
