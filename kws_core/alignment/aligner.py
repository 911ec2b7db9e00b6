"""The `Aligner` protocol: utterances in, words with times out, and every utterance accounted for."""

from typing import Protocol

import pyarrow as pa

from kws_core.alignment.mfa import MfaAligner
from kws_core.alignment.pocketsphinx import PocketSphinxAligner
from kws_core.alignment.whole_clip import WholeClipAligner
from kws_core.config import AlignmentConfig
from kws_core.errors import ConfigError
from kws_core.part import PartOutput

STAGE = "words"
VERSION = 2


class Aligner(Protocol):
    """Finds the words of utterances."""

    name: str
    version: int
    """Raised whenever the output for the same input changes."""

    def align(self, utterances: pa.Table) -> PartOutput:
        """Return `schemas.WORDS` rows of an utterances part; each utterance has usable words or is quarantined.

        Words that are lost are quarantined too; the others keep their index in the transcript.
        """
        ...


def build_aligner(name: str, config: AlignmentConfig) -> Aligner:
    """Return the aligner of that name, loaded."""
    return _builder(name)(config)


def aligner_version(name: str) -> int:
    """Version of the aligner of that name: part of the key of what it makes."""
    return _builder(name).version


def _builder(name: str) -> type[PocketSphinxAligner] | type[MfaAligner] | type[WholeClipAligner]:
    for aligner in (PocketSphinxAligner, MfaAligner, WholeClipAligner):
        if aligner.name == name:
            return aligner
    raise ConfigError(f"aligner {name!r} is unknown; pocketsphinx, mfa and whole_clip are accepted")
