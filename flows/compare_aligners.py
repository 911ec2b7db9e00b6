"""Alignment by itself: the data stages up to `align`, and the comparison of two aligners, as Prefect flows."""

from prefect import flow

from kws_core.config import Experiment
from kws_core.errors import ConfigError
from tasks.align import align
from tasks.compare_aligners import compare_alignments
from tasks.ingest import ingest
from tasks.places import Places


@flow(name="align", validate_parameters=False, persist_result=False)
def align_corpora(places: Places, experiment: Experiment) -> str:
    """Recordings to words, each corpus by its own aligner; returns the fingerprint of the words."""
    return align(places, experiment, ingest(places, experiment))


@flow(name="compare-aligners", validate_parameters=False, persist_result=False)
def compare_aligners(places: Places, experiment: Experiment, a: str, b: str) -> str:
    """Align every corpus with `a` and with `b`, the name of an aligner or a TSV of reference words; returns a table."""
    utterances = ingest(places, experiment)
    words = align(places, aligned_by(experiment, a), utterances)
    other = b if b.endswith(".tsv") else align(places, aligned_by(experiment, b), utterances)
    return compare_alignments(places, experiment, utterances, (a, b.rpartition("/")[2]), (words, other))


def aligned_by(experiment: Experiment, aligner: str) -> Experiment:
    """The experiment with one aligner for all corpora."""
    known = ("pocketsphinx", "mfa", "whole_clip")
    if aligner not in known:
        raise ConfigError(f"aligner {aligner!r} is unknown; {', '.join(known)} or, second, a .tsv are accepted")
    corpora = {
        name: section.model_copy(update={"aligner": aligner, "second_aligner": ""})
        for name, section in experiment.corpora.items()
    }
    return experiment.model_copy(update={"corpora": corpora})
