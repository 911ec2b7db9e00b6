"""Utterances to the dataset `words`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

from kws_core import corpora
from kws_core.alignment import STAGE, VERSION, Aligner, aligner_version, build_aligner
from kws_core.alignment.agreement import with_disagreement
from kws_core.alignment.mfa.dictionary import count_words, dictionary_coverage, open_lexicon
from kws_core.config import AlignmentConfig, CorpusSection, Experiment
from kws_core.manifest import Manifest, Part, part_key
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, WORDS
from kws_core.store import Store
from tasks.console import say
from tasks.mfa import RESOURCE, MfaFiles, local_config, publish_files, require_nodes, trained_files
from tasks.parts import Job, make_dataset, run_as_tasks
from tasks.places import Places
from tasks.stage import stage_task


@stage_task("align")
def align(places: Places, experiment: Experiment, utterances: str) -> str:
    """Align every corpus with its aligner, noise with none; returns the fingerprint of the words."""
    store = places.store()
    dataset = store.dataset(corpora.STAGE, utterances)
    files = _mfa_files(store, experiment, dataset)
    jobs = []
    for part in dataset.parts:
        if part.corpus in experiment.noise_corpora:
            # an empty part: part i of a stage is made from part i of the stage before it
            jobs.append(Job(part_key(STAGE, VERSION, "noise", [part.key]), part.corpus, _NoWords()))
            continue
        section = experiment.corpora[part.corpus]
        make = _Align(section.aligner, section.second_aligner, experiment.alignment, files.get(part.corpus), part)
        key = part_key(STAGE, VERSION, make.content(), [part.key])
        if make.files is None:
            jobs.append(Job(key, part.corpus, make))
        else:
            jobs.append(Job(key, part.corpus, make, cpus=experiment.alignment.mfa.jobs, resources={RESOURCE: 1}))

    def run(store: Store, stage: str, missing: list[Job]) -> Iterator[Part]:
        if any(job.resources for job in missing):
            require_nodes(experiment.alignment.mfa)
            _report_coverage(store, experiment, missing)
        return run_as_tasks(store, stage, missing)

    return make_dataset(store, STAGE, VERSION, jobs, experiment.rejection.alignment, run).fingerprint


@dataclass(frozen=True)
class _Align:
    aligner: str
    second_aligner: str
    config: AlignmentConfig
    files: MfaFiles | None
    part: Part

    def content(self) -> list[Any]:
        """Everything but the utterances that decides the words."""
        return [
            [name, aligner_version(name), self.config.content(name), vars(self.files) if name == "mfa" else None]
            for name in (self.aligner, self.second_aligner)
            if name
        ]

    def __call__(self, store: Store) -> PartOutput:
        utterances = store.read_part(corpora.STAGE, self.part)
        output = self._align(self.aligner, store, utterances)
        if not self.second_aligner:
            return output
        second = self._align(self.second_aligner, store, utterances)
        return PartOutput(with_disagreement(output.table, second.table), output.quarantine)

    def _align(self, name: str, store: Store, utterances: pa.Table) -> PartOutput:
        if name != "mfa" or self.files is None:
            return _loaded_aligner(name, self.config).align(utterances)
        with local_config(store, self.config, self.files) as config:
            return build_aligner(name, config).align(utterances)


@dataclass(frozen=True)
class _NoWords:
    def __call__(self, store: Store) -> PartOutput:
        return PartOutput(WORDS.empty_table(), QUARANTINE.empty_table())


@cache
def _loaded_aligner(name: str, config: AlignmentConfig) -> Aligner:
    """One decoder a process."""
    return build_aligner(name, config)


def _uses_mfa(section: CorpusSection) -> bool:
    return section.use != "noise" and "mfa" in (section.aligner, section.second_aligner)


def _mfa_files(store: Store, experiment: Experiment, utterances: Manifest) -> dict[str, MfaFiles]:
    """By corpus, what MFA aligns it with: all parts of a corpus with the same model, trained first if there is none."""
    sections = {name: section for name, section in sorted(experiment.corpora.items()) if _uses_mfa(section)}
    if not sections:
        return {}
    published = publish_files(store, experiment.alignment.mfa)
    found = {}
    for name, section in sections.items():
        parts = [part for part in utterances.parts if part.corpus == name]
        found[name] = trained_files(store, experiment.alignment, published, name, section.language, parts)
    return found


def _report_coverage(store: Store, experiment: Experiment, jobs: list[Job]) -> None:
    """Say how many of the words to be aligned have a pronunciation."""
    counts: dict[str, Counter[str]] = {}
    for job in jobs:
        if isinstance(job.make, _Align) and job.make.files is not None:
            language = experiment.corpora[job.corpus].language
            texts = store.read_part(corpora.STAGE, job.make.part, ["text"])["text"].to_pylist()
            lexicon = open_lexicon(experiment.alignment.mfa, language)
            counts.setdefault(job.corpus, Counter()).update(count_words(texts, language, lexicon))
    for name, words in counts.items():
        lexicon = open_lexicon(experiment.alignment.mfa, experiment.corpora[name].language)
        coverage = dictionary_coverage(words, lexicon)
        missing = f"; most frequent of the rest: {', '.join(coverage.unknown[:5])}" if coverage.unknown else ""
        say(
            "align",
            f"{name}: the dictionary has {coverage.type_share:.1%} of {coverage.types:,} different words and "
            f"{coverage.token_share:.1%} of {coverage.tokens:,} running words{missing}",
        )
