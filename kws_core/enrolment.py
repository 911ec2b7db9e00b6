"""Keywords added to a bundle by a few recordings of them, without training.

A keyword is the direction in which its examples differ from the bundle's cohort of other words; its scores are
normalised by the cohort, and its threshold is calibrated on the cohort or on recordings that do not hold it.
Needs what a spotter needs: numpy and onnxruntime.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from kws_core.backends.centroid import CentroidBackend
from kws_core.bundle import COHORT, Bundle, BundleDescription, EnrolledKeyword
from kws_core.cohort import Cohort
from kws_core.enrolled_keywords import EnrolledKeywords
from kws_core.enrolment_agreement import check_agreement
from kws_core.enrolment_closeness import closeness_warnings
from kws_core.enrolment_direction import keyword_direction, mean_embedding
from kws_core.enrolment_example import Example, locate_word
from kws_core.enrolment_scores import cohort_top, scorer, scores_of_cohort
from kws_core.enrolment_threshold import check_wish, hear, threshold_by_cohort, threshold_by_recordings
from kws_core.errors import AudioError, BundleError, ConfigError
from kws_core.onnx_encoder import OnnxEncoder

FAR = 0.001
"""Share of the cohort's other words and background that may be taken for an enrolled keyword."""
MOST_EXAMPLES = 10


def enrol(
    bundle: Bundle,
    examples: Mapping[str, Sequence[Example]],
    far: float | None = FAR,
    replace: bool = False,
    threads: int = 1,
    max_false_alarms_per_hour: float | None = None,
    without: Sequence[Example] = (),
    speakers: Sequence[str] = (),
    date: str | None = None,
) -> EnrolledKeywords:
    """Learn keywords from recordings of each, said alone.

    Args:
        bundle: has a cohort, and no keywords or the centroid back end.
        examples: by keyword, ten at most; three or more by the people who will say it are better than one.
        far: share of the cohort that may be accepted by each keyword.
        replace: a keyword that the bundle has already is learnt anew; without it that is an error.
        threads: of the encoder.
        max_false_alarms_per_hour: in place of `far`, which is None then: how often each keyword may be heard in speech
            that does not hold it, by the cohort or in `without`.
        without: recordings that do not hold the keyword, of any length.
        speakers: who said the examples of each keyword, in their order; one name for all of them, or none.
        date: of the enrolment, YYYY-MM-DD; none is recorded without it, so that the same recordings give the same
            bundle.

    Raises:
        BundleError: the bundle has no cohort or decides by another back end.
        ConfigError: a keyword that exists, has no examples or more than ten, a wish that the cohort is too small for
            or that is not stated once, or speakers that do not fit the examples.
        AudioError: an example that cannot be used, is there twice or is unlike the others.
    """
    cohort = _cohort(bundle)
    check_wish(far, max_false_alarms_per_hour, len(without), cohort)
    description = bundle.description
    _check_keywords(description, examples, replace, speakers)
    encoder = OnnxEncoder(bundle.encoder_path, threads)
    heard = hear(without, encoder)
    top = cohort_top(description, cohort)
    directions, thresholds, durations_s, origins, warnings = [], [], [], [], []
    for keyword, recordings in examples.items():
        words = [locate_word(recording) for recording in recordings]
        embeddings = encoder.embed(np.stack([word.window for word in words]))
        if embeddings.shape[1] != cohort.embeddings.shape[1]:
            raise BundleError(f"{bundle.folder}: its encoder and its cohort have embeddings of different lengths")
        others = cohort.without(keyword)
        least = check_agreement(keyword, recordings, embeddings, others) if len(others) else None
        direction = keyword_direction(embeddings, others if len(others) else cohort.embeddings)
        backend = CentroidBackend((keyword,), direction[None])
        if heard:
            threshold, point = threshold_by_recordings(
                keyword, scorer(backend, cohort, top), heard, max_false_alarms_per_hour or 0.0
            )
        else:
            scores = scores_of_cohort(backend, cohort, top)[cohort.is_other(keyword), 0]
            threshold, point = threshold_by_cohort(keyword, scores, cohort.speakers, far, max_false_alarms_per_hour)
        directions.append(direction)
        thresholds.append(threshold)
        durations_s.append(round(float(np.median([word.duration_s for word in words])), 3))
        hashes = tuple(recording.sha256 for recording in recordings)
        said_by = tuple(speakers) * len(recordings) if len(speakers) == 1 else tuple(speakers)
        origins.append(
            EnrolledKeyword(examples=hashes, least_cosine=least, operating_point=point, speakers=said_by, date=date)
        )
        warnings += closeness_warnings(bundle, keyword, mean_embedding(embeddings), cohort)
    learnt = CentroidBackend(tuple(examples), np.stack(directions))
    return EnrolledKeywords(bundle, learnt, tuple(thresholds), tuple(durations_s), tuple(origins), top, tuple(warnings))


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
    if description.score_calibration:
        raise BundleError(f"{bundle.folder}: no words can be enrolled, its scores are calibrated on development data")
    return bundle.cohort()


def _check_keywords(
    description: BundleDescription, examples: Mapping[str, Sequence[Example]], replace: bool, speakers: Sequence[str]
) -> None:
    if not examples:
        raise ConfigError("there is no keyword to enrol")
    for keyword, recordings in examples.items():
        if not keyword or keyword != " ".join(keyword.split()):
            raise ConfigError(f"keyword {keyword!r} is not words separated by single spaces")
        if keyword in description.keywords and not replace:
            raise ConfigError(f"the bundle has the keyword {keyword!r} already; replace it or choose another name")
        if not recordings:
            raise ConfigError(f"keyword {keyword!r} has no examples; at least one recording is needed")
        if len(recordings) > MOST_EXAMPLES:
            raise ConfigError(
                f"keyword {keyword!r} has {len(recordings)} examples; at most {MOST_EXAMPLES} are taken: with more it "
                "should be trained"
            )
        if len(speakers) > 1 and len(speakers) != len(recordings):
            raise ConfigError(
                f"keyword {keyword!r} has {len(recordings)} examples and {len(speakers)} speakers; one name for all of "
                "them, or one for each, is needed"
            )
        names: dict[str, str] = {}
        for recording in recordings:
            if recording.sha256 in names:
                raise AudioError(f"{recording.name}: the same recording as {names[recording.sha256]}")
            names[recording.sha256] = recording.name
