"""An acoustic model for a corpus that has none."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from kws_core.alignment.mfa.corpus_folder import NEEDED, CorpusPool, PooledUtterance
from kws_core.alignment.mfa.dictionary import open_lexicon, write_dictionary
from kws_core.alignment.mfa.program import MfaProgram, MfaRunError
from kws_core.alignment.mfa.vocabulary import vocabulary
from kws_core.config import MfaConfig
from kws_core.errors import AlignmentError


def train_acoustic_model(parts: Iterable[pa.Table], config: MfaConfig, language: str) -> bytes:
    """Train a model on utterances with `mfa train` and return its archive; one part is in memory at a time.

    What cannot be aligned is left out here, and rejected with its reason when its part is aligned.

    Raises:
        AlignmentError: MFA is not there or fails, or no utterance can be used.
    """
    program = MfaProgram(config.command, config.version, config.time_limit_s)
    program.check()
    lexicon = open_lexicon(config, language)
    with tempfile.TemporaryDirectory(prefix="kws-mfa-", dir=config.work_folder or None) as folder:
        work = Path(folder)
        pool = CorpusPool(work / "pool", lexicon)
        utterances: list[PooledUtterance] = []
        for part in parts:
            added = (pool.add(row) for row in part.select(NEEDED).to_pylist())
            utterances += [utterance for utterance in added if isinstance(utterance, PooledUtterance)]
        if not utterances:
            raise AlignmentError("no utterance can train an acoustic model: all have empty transcripts or no audio")
        entries = vocabulary(program, config, lexicon, (utterance.words for utterance in utterances), work)
        dictionary = write_dictionary(work / "dictionary.dict", entries, lexicon.special())
        corpus = pool.corpus(utterances, work / "corpus")
        model = work / "acoustic_model.zip"
        options = ["--num_jobs", str(config.jobs), "--clean", *(["--single_speaker"] * config.single_speaker)]
        try:
            program.run(
                ["train", str(corpus), str(dictionary), str(model), *options],
                work / "root",
                config.training_time_limit_s,
            )
        except MfaRunError as error:
            raise AlignmentError(f"mfa train fails on {len(utterances)} utterances: {error}") from error
        if not model.exists():
            raise AlignmentError(f"mfa train ended well but wrote no model of {len(utterances)} utterances")
        return model.read_bytes()
