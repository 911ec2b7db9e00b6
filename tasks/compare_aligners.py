"""Two alignments of the same utterances to a page in the workspace."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kws_core import corpora
from kws_core.alignment import STAGE
from kws_core.alignment.compare import compare_words
from kws_core.alignment.reference_words import read_reference_words, reference_paths
from kws_core.atomic_file import write_atomically
from kws_core.config import CorpusConfig, Experiment
from kws_core.errors import AlignmentError
from kws_core.report.alignment_comparison import comparison_page, comparison_text
from kws_core.store import Store
from tasks.console import say
from tasks.places import Places
from tasks.stage import stage_task

PAGE = "alignment-comparison.html"


@stage_task("compare")
def compare_alignments(
    places: Places, experiment: Experiment, utterances: str, names: tuple[str, str], words: tuple[str, str]
) -> str:
    """Write the page and return the table as text.

    Args:
        places: where the page and the datasets are.
        experiment: its corpora but noise are compared, one by one.
        utterances: fingerprint of what was aligned.
        names: what the two alignments are called.
        words: fingerprints of the words of each; the second may be the path of a TSV of reference words.

    Raises:
        AlignmentError: the TSV cannot be read, or knows no recording of the corpora.
    """
    store = places.store()
    found = {}
    for corpus, section in sorted(experiment.corpora.items()):
        if section.use == "noise":
            continue
        a = _words(store, words[0], corpus)
        if Path(words[1]).suffix == ".tsv":
            b = _reference(store, utterances, corpus, section, Path(words[1]))
            if not b.num_rows:
                continue
            # what the reference says nothing of is not missing
            a = a.filter(pc.is_in(a["utterance_id"], b["utterance_id"]))
        else:
            b = _words(store, words[1], corpus)
        found[corpus] = compare_words(a, b, (f"words of {names[0]}", f"words of {names[1]}"))
    if not found:
        raise AlignmentError(f"{words[1]}: none of its recordings is in {', '.join(sorted(experiment.corpora))}")
    page = places.workspace / PAGE
    facts = {"Dataset utterances": utterances, f"Words of {names[0]}": words[0], f"Words of {names[1]}": words[1]}
    write_atomically(page, comparison_page(*names, found, facts).encode())
    say("compare", str(page))
    return comparison_text(*names, found)


def _words(store: Store, key: str, corpus: str) -> pa.Table:
    manifest = store.dataset(STAGE, key)
    return pa.concat_tables([store.read_part(STAGE, part) for part in manifest.parts if part.corpus == corpus])


def _reference(store: Store, utterances: str, corpus: str, section: CorpusConfig, path: Path) -> pa.Table:
    """The reference words of a corpus: the TSV's paths are ends of the paths that the recipe lists, or sources."""
    ids: dict[str, str] = {}
    for part in store.dataset(corpora.STAGE, utterances).parts:
        if part.corpus == corpus:
            rows = store.read_part(corpora.STAGE, part, ["source", "utterance_id"])
            ids |= dict(zip(rows["source"].to_pylist(), rows["utterance_id"].to_pylist(), strict=True))
    by_name: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for recording in corpora.plan_corpus(section):
        by_name[recording.location.rpartition("/")[2]].append((f"/{recording.location}", recording.source))
    known = {}
    for wanted in reference_paths(path):
        sources = [source for location, source in by_name[wanted.rpartition("/")[2]] if location.endswith(f"/{wanted}")]
        if utterance_id := ids.get(sources[0] if sources else wanted):
            known[wanted] = utterance_id
    return read_reference_words(path, known)
