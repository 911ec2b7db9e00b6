"""Utterances to words by `mfa align`."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from kws_core.alignment.mfa.accounting import Accounted, account
from kws_core.alignment.mfa.corpus_folder import NEEDED, CorpusPool, PooledUtterance
from kws_core.alignment.mfa.dictionary import open_lexicon, write_dictionary
from kws_core.alignment.mfa.isolation import align_in_runs
from kws_core.alignment.mfa.program import MfaProgram
from kws_core.alignment.mfa.vocabulary import vocabulary
from kws_core.alignment.word_rows import WordRows
from kws_core.config import AlignmentConfig
from kws_core.errors import AlignmentError
from kws_core.part import PartOutput


class MfaAligner:
    """Aligns a part in one run of MFA, whose start-up takes half a minute, or in a few when the run fails."""

    name = "mfa"
    version = 1

    def __init__(self, config: AlignmentConfig) -> None:
        """Look for the program and the files.

        Raises:
            AlignmentError: MFA is not there or of another version, or a file that the configuration names is not.
        """
        self._config = config.mfa
        if not self._config.acoustic_model:
            raise AlignmentError("alignment.mfa.acoustic_model is empty: name one, or let kws align train one")
        for field in ("acoustic_model", "g2p_model"):
            path = getattr(self._config, field)
            # MFA's own error for it has no more to say than exit status 2
            if path and not Path(path).is_file():
                raise AlignmentError(f"alignment.mfa.{field}: {path} does not exist; the path of a .zip is accepted")
        self._program = MfaProgram(self._config.command, self._config.version, self._config.time_limit_s)
        self._program.check()

    def align(self, utterances: pa.Table) -> PartOutput:
        """Return the usable words of every utterance; see `Aligner`.

        Words in no dictionary are quarantined by themselves: the others keep their position in the transcript.
        """
        rows = WordRows(self.name)
        if not utterances.num_rows:
            return rows.output()
        language = Counter(utterances["language"].to_pylist()).most_common(1)[0][0]
        lexicon = open_lexicon(self._config, language)
        with tempfile.TemporaryDirectory(prefix="kws-mfa-", dir=self._config.work_folder or None) as folder:
            work = Path(folder)
            pool = CorpusPool(work / "pool", lexicon)
            pooled = []
            for row in utterances.select(NEEDED).to_pylist():
                same = row["language"] == language
                added = pool.add(row) if same else f"its language is {row['language']}; the corpus is in {language}"
                if isinstance(added, str):
                    rows.reject(row["source"], added)
                else:
                    pooled.append(added)
            entries = vocabulary(self._program, self._config, lexicon, (item.words for item in pooled), work)
            dictionary = write_dictionary(work / "dictionary.dict", entries, lexicon.special())
            numbers = iter(range(1, self._config.max_runs + 1))

            def run(batch: Sequence[PooledUtterance]) -> dict[str, Accounted]:
                return self._run(pool, batch, dictionary, work / f"run{next(numbers)}")

            found = align_in_runs(pooled, run, self._config.max_runs)
        for utterance in pooled:
            _add(rows, utterance, found[utterance.utterance_id])
        return rows.output()

    def _run(
        self, pool: CorpusPool, batch: Sequence[PooledUtterance], dictionary: Path, work: Path
    ) -> dict[str, Accounted]:
        """One run with a corpus folder, a root and an output folder of its own: nothing of another can be in it."""
        config = self._config
        corpus, output = pool.corpus(batch, work / "corpus"), work / "aligned"
        arguments = ["align", str(corpus), str(dictionary), config.acoustic_model, str(output)]
        arguments += ["--output_format", config.output_format, "--num_jobs", str(config.jobs), "--clean"]
        arguments += ["--single_speaker"] * config.single_speaker
        for option in ("beam", "retry_beam"):
            if getattr(config, option):
                arguments += [f"--{option}", str(getattr(config, option))]
        try:
            self._program.run(arguments, work / "root")
            return account(batch, output, config.output_format)
        finally:
            shutil.rmtree(work, ignore_errors=True)  # features, several times the size of the audio


def _add(rows: WordRows, utterance: PooledUtterance, accounted: Accounted) -> None:
    if accounted.reason:
        rows.reject(utterance.source, accounted.reason)
        return
    for index, word in accounted.unknown.items():
        rows.reject(f"{utterance.source} word {index}", f"{word!r} is in no dictionary")
    rows.add(utterance.utterance_id, list(accounted.words.values()), list(accounted.words))
