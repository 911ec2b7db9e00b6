"""Builds one part of the utterances dataset, whatever the recipe."""

import math
from typing import Any

import pyarrow as pa

from kws_core.audio import Pcm16, clipped_samples, encode_flac, pcm16_to_float
from kws_core.audio_measures import peak, silent_share
from kws_core.config import SAMPLE_RATE_HZ, IngestConfig
from kws_core.corpora.recording import Recording
from kws_core.errors import CorpusError
from kws_core.fingerprint import fingerprint, sha256
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import UTTERANCES
from kws_core.text import normalise, primary_language
from kws_core.text.language import SEVERAL

STAGE = "utterances"
VERSION = 2


class UtteranceBuilder:
    """Collects utterances of one corpus; refuses what has no transcript, an odd duration or repeated audio."""

    def __init__(self, corpus: str, language: str, ingest: IngestConfig, needs_text: bool = True) -> None:
        """Start an empty part; without `needs_text`, as for noise, any transcript is accepted."""
        self._corpus = corpus
        self._language = language
        self._ingest = ingest
        self._needs_text = needs_text
        self._columns: dict[str, list[Any]] = {name: [] for name in UTTERANCES.names}
        self._sources: dict[str, str] = {}
        self._quarantine = Quarantine(STAGE)

    def add(
        self,
        recording: Recording,
        pcm: Pcm16,
        clipped_share: float | None = None,
        duration_s: float | None = None,
    ) -> str | None:
        """Take an utterance and return its id, or quarantine it and return None.

        The id is a hash of corpus, speaker, original text and samples: the same recording has the same id in every run.

        Args:
            recording: where it comes from, and its transcript.
            pcm: its samples, 16 kHz mono.
            clipped_share: as its source shows it; measured on `pcm` when None.
            duration_s: where `pcm` holds only the beginning, how long the recording is.
        """
        words = self._words(recording)
        reason = words if isinstance(words, str) else self._unusable(pcm, duration_s)
        if reason:
            self.reject(recording, reason)
            return None
        identity = fingerprint(self._corpus, recording.speaker_id, recording.text, sha256(pcm.tobytes()))[:16]
        if identity in self._sources:
            self.reject(recording, f"the same speaker, text and audio as {self._sources[identity]}")
            return None
        self._sources[identity] = recording.source
        if clipped_share is None:
            clipped_share = clipped_samples(pcm16_to_float(pcm)[:, None]) / len(pcm)
        row = {
            "utterance_id": identity,
            "corpus": self._corpus,
            "speaker_id": recording.speaker_id,
            "split": recording.split,
            "text": " ".join(words),
            "original_text": recording.text,
            "language": recording.language or self._language,
            "audio": encode_flac(pcm),
            "duration_s": len(pcm) / SAMPLE_RATE_HZ,
            "peak": peak(pcm),
            "clipped_share": clipped_share,
            "silent_share": silent_share(pcm),
            "source": recording.source,
            "licence": recording.licence,
        }
        for name, values in self._columns.items():
            values.append(row[name])
        return identity

    def reject(self, recording: Recording, reason: str) -> None:
        """Quarantine a recording, named by its source."""
        self._quarantine.add(recording.source, reason)

    def output(self) -> PartOutput:
        """The finished part."""
        columns = [pa.array(self._columns[field.name], field.type) for field in UTTERANCES]
        return PartOutput(pa.table(columns, schema=UTTERANCES), self._quarantine.table())

    def _words(self, recording: Recording) -> list[str] | str:
        """The normalised transcript, or why it cannot be used."""
        language = recording.language or self._language
        try:
            words = normalise(recording.text, language)
        except CorpusError as error:
            return str(error) if self._needs_text else []
        if not self._needs_text:
            return words
        if not recording.text.strip():
            return "the transcript is empty"
        if self._language != SEVERAL and primary_language(language) != primary_language(self._language):
            return f"its language is {language!r}; the corpus is {self._language!r}"
        return words or f"the transcript {recording.text!r} has no letters"

    def _unusable(self, pcm: Pcm16, duration_s: float | None) -> str:
        """Why the audio cannot be used; "" when it can."""
        duration_s = duration_s or len(pcm) / SAMPLE_RATE_HZ
        shortest, longest = self._ingest.min_duration_s, self._ingest.max_duration_s
        if not shortest <= duration_s <= longest:
            # not "60.00 s; 0.1 to 60 s are accepted"
            said = f"{duration_s:.2f}" if math.isclose(round(duration_s, 2), duration_s) else f"{duration_s:.4f}"
            return f"it lasts {said} s; {shortest:g} to {longest:g} s are accepted"
        return "" if pcm.any() else "every sample is zero"
