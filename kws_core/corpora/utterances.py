"""Builds one part of the utterances dataset, whatever the recipe."""

from typing import Any

import pyarrow as pa

from kws_core.audio import Pcm16, encode_flac
from kws_core.config import SAMPLE_RATE_HZ, IngestConfig
from kws_core.corpora.recording import Recording
from kws_core.fingerprint import fingerprint, sha256
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import UTTERANCES

STAGE = "utterances"
VERSION = 1


class UtteranceBuilder:
    """Collects utterances of one corpus; refuses empty transcripts, odd durations and repeated audio."""

    def __init__(self, corpus: str, language: str, ingest: IngestConfig, needs_text: bool = True) -> None:
        """Start an empty part; without `needs_text`, as for noise, empty transcripts are accepted."""
        self._corpus = corpus
        self._language = language
        self._ingest = ingest
        self._needs_text = needs_text
        self._rows: list[dict[str, Any]] = []
        self._sources: dict[str, str] = {}
        self._quarantine = Quarantine(STAGE)

    def add(self, recording: Recording, pcm: Pcm16) -> str | None:
        """Take an utterance and return its id, or quarantine it and return None.

        The id is a hash of corpus, speaker, text and samples: the same recording has the same id in every run.
        """
        duration_s = len(pcm) / SAMPLE_RATE_HZ
        shortest, longest = self._ingest.min_duration_s, self._ingest.max_duration_s
        if self._needs_text and not recording.text:
            self.reject(recording, "the transcript is empty")
            return None
        if not shortest <= duration_s <= longest:
            self.reject(recording, f"it lasts {duration_s:.2f} s; {shortest:g} to {longest:g} s are accepted")
            return None
        if not pcm.any():
            self.reject(recording, "every sample is zero")
            return None
        identity = fingerprint(self._corpus, recording.speaker_id, recording.text, sha256(pcm.tobytes()))[:16]
        if identity in self._sources:
            self.reject(recording, f"the same speaker, text and audio as {self._sources[identity]}")
            return None
        self._sources[identity] = recording.source
        self._rows.append(
            {
                "utterance_id": identity,
                "corpus": self._corpus,
                "speaker_id": recording.speaker_id,
                "text": recording.text,
                "language": self._language,
                "audio": encode_flac(pcm),
                "duration_s": duration_s,
                "source": recording.source,
                "licence": recording.licence,
            }
        )
        return identity

    def reject(self, recording: Recording, reason: str) -> None:
        """Quarantine a recording, named by its source."""
        self._quarantine.add(recording.source, reason)

    def output(self) -> PartOutput:
        """The finished part."""
        return PartOutput(pa.Table.from_pylist(self._rows, schema=UTTERANCES), self._quarantine.table())
