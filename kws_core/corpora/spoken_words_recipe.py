"""Recipe `spoken_words`: the synthesised words as utterances; an aligner finds where they start and end."""

import json
from dataclasses import asdict

from kws_core.config import IngestConfig, SpokenWordsCorpusConfig
from kws_core.corpora.recording import Recording
from kws_core.corpora.spoken_words import PlannedWord, plan_spoken_words
from kws_core.corpora.spoken_words_speech import WordSpeaker
from kws_core.corpora.utterances import UtteranceBuilder
from kws_core.errors import CorpusError
from kws_core.fingerprint import canonical_json, fingerprint
from kws_core.part import PartOutput

# Raised when the synthesis changes: the engines' output is part of the recipe.
SYNTHESIS_VERSION = 1
LICENCE = "CC0-1.0 (synthesised)"
# Only to balance parts, by the time that a word takes: FLAC weighs about this much, piper is five times as slow.
BYTES = {"espeak": 15_000, "hibari": 15_000, "piper": 75_000}


def plan_spoken_words_recordings(config: SpokenWordsCorpusConfig) -> list[Recording]:
    """List the words to synthesise; `location` holds the plan of each, so that parts are made without the whole."""
    recordings = []
    for planned in plan_spoken_words(config):
        location = canonical_json(asdict(planned))
        recordings.append(
            Recording(
                speaker_id=planned.speaker_id,
                text=planned.label,
                source=planned.source,
                licence=LICENCE,
                location=location,
                digest=fingerprint(SYNTHESIS_VERSION, location),
                size_bytes=BYTES[planned.engine],
            )
        )
    return recordings


def prepare_spoken_words(
    corpus: str, config: SpokenWordsCorpusConfig, ingest: IngestConfig, recordings: list[Recording]
) -> PartOutput:
    """Synthesise the words of one part; what an engine cannot say as one word is quarantined with the reason."""
    builder = UtteranceBuilder(corpus, config.language, ingest)
    speaker = WordSpeaker()
    for recording in recordings:
        planned = PlannedWord(**json.loads(recording.location))
        try:
            builder.add(recording, speaker.speak(planned))
        except CorpusError as error:
            builder.reject(recording, str(error))
    return builder.output()
