"""Recipe `demo`: the synthesised corpus as utterances, with the reference words that eSpeak NG reports."""

from collections.abc import Iterator
from dataclasses import asdict

from kws_core.alignment.word_rows import AlignedWord, WordRows
from kws_core.config import DemoCorpusConfig, IngestConfig
from kws_core.corpora.demo import SynthesizedUtterance, plan_demo, synthesise_speaker
from kws_core.corpora.recording import Recording
from kws_core.corpora.utterances import UtteranceBuilder
from kws_core.fingerprint import fingerprint
from kws_core.part import PartOutput

# Raised when the synthesis changes: eSpeak NG's output is part of the recipe.
SYNTHESIS_VERSION = 2
LICENCE = "CC0-1.0 (synthesised)"
# Only to balance parts: 16 kHz FLAC weighs about this much a character of text.
BYTES_PER_CHARACTER = 1500


def plan_demo_recordings(config: DemoCorpusConfig) -> list[Recording]:
    """List the utterances to synthesise; a speaker's do not depend on how many other speakers there are."""
    recordings = []
    for speaker_id, utterances in plan_demo(config).items():
        for number, planned in enumerate(utterances):
            recordings.append(
                Recording(
                    speaker_id=speaker_id,
                    text=planned.text,
                    source=planned.source,
                    licence=LICENCE,
                    location=str(number),
                    digest=fingerprint(SYNTHESIS_VERSION, config.seed, number, asdict(planned)),
                    size_bytes=BYTES_PER_CHARACTER * len(planned.text),
                )
            )
    return recordings


def prepare_demo(
    corpus: str, config: DemoCorpusConfig, ingest: IngestConfig, recordings: list[Recording]
) -> tuple[PartOutput, PartOutput]:
    """Synthesise the recordings of one part: utterances, and their words with true times."""
    builder = UtteranceBuilder(corpus, config.language, ingest)
    reference = WordRows("reference")
    for recording, synthesized in _synthesise(config, recordings):
        utterance_id = builder.add(recording, synthesized.pcm)
        if utterance_id is not None:
            reference.add(
                utterance_id,
                [AlignedWord(word.word, word.start_s, word.end_s, float("nan")) for word in synthesized.words],
            )
    return builder.output(), reference.output()


def _synthesise(
    config: DemoCorpusConfig, recordings: list[Recording]
) -> Iterator[tuple[Recording, SynthesizedUtterance]]:
    plans = plan_demo(config)
    by_speaker: dict[str, list[Recording]] = {}
    for recording in recordings:
        by_speaker.setdefault(recording.speaker_id, []).append(recording)
    for speaker_id, wanted in by_speaker.items():
        planned = [plans[speaker_id][int(recording.location)] for recording in wanted]
        yield from zip(wanted, synthesise_speaker(planned, config.seed), strict=True)
