"""The demo corpus: what each synthetic speaker says (the plan), and how it sounds."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, DemoCorpusConfig
from kws_core.corpora.demo_voices import HELD_BACK_VOICE, VOICES, Voice
from kws_core.corpora.demo_words import CARRIERS, FILLERS, KEYWORDS, OTHER_WORDS, RECORDING_SENTENCES
from kws_core.corpora.espeak import ReferenceWord, Synthesizer
from kws_core.errors import ConfigError

FILLERS_PER_SPEAKER = 4
NOISE_RMS = 1e-3
"""Noise under every recording: -60 dB against full scale = 1, so that pauses are not digital silence."""
MARGIN_S = (0.15, 0.2)
"""Range of the noise before the first and after the last word, drawn apart."""
RATE_VARIATION = 0.12
"""Largest relative change of a voice's rate from one utterance to another."""
PITCH_VARIATION = 14
"""Largest change of its pitch, in eSpeak's units (0 to 99)."""


@dataclass(frozen=True)
class PlannedUtterance:
    """One text that one speaker will say; `source` (`espeak/<speaker_id>/<number>`) is unique in the corpus."""

    speaker: Voice
    text: str
    source: str


@dataclass(frozen=True)
class SynthesizedUtterance:
    """One recording: `pcm [samples]` int16 at 16 kHz mono, with the true boundaries of its words."""

    text: str
    source: str
    pcm: NDArray[np.int16]
    words: tuple[ReferenceWord, ...]


def plan_demo(config: DemoCorpusConfig) -> dict[str, tuple[PlannedUtterance, ...]]:
    """Plan what the first `config.speakers` voices say, by speaker id.

    Each says every keyword alone, every keyword in `keyword_repeats` carrier sentences, `other_words` other words
    alone, and four longer sentences. A speaker's plan depends on the seed, the speaker, `keyword_repeats` and
    `other_words` only: more speakers leave the others' plans as they were. Raises `ConfigError` when more speakers or
    words are asked for than there are.
    """
    if config.speakers > len(VOICES):
        raise ConfigError(f"speakers is {config.speakers}; the demo corpus has at most {len(VOICES)}")
    if config.other_words > len(OTHER_WORDS):
        raise ConfigError(f"other_words is {config.other_words}; the demo corpus has at most {len(OTHER_WORDS)}")
    return {voice.speaker_id: _plan_speaker(voice, config) for voice in VOICES[: config.speakers]}


def synthesise_speaker(planned: Sequence[PlannedUtterance], seed: int) -> Iterator[SynthesizedUtterance]:
    """Speak planned utterances one by one, each with its own seeded rate, pitch, margins and noise floor.

    Same plan and seed, same samples. Raises `CorpusError` when eSpeak NG is missing.
    """
    synthesizer = Synthesizer()
    for utterance in planned:
        generator = _generator(seed, utterance.source, utterance.text)
        speech, words = _speak(synthesizer, utterance.speaker, utterance.text, generator)
        margins = generator.uniform(*MARGIN_S, size=2)
        before, after = (round(margin * SAMPLE_RATE_HZ) for margin in margins)
        pcm = _with_noise(np.pad(speech, (before, after)), generator)
        yield SynthesizedUtterance(utterance.text, utterance.source, pcm, _moved(words, before))


def demo_recording(seed: int) -> tuple[NDArray[np.int16], tuple[ReferenceWord, ...]]:
    """A recording of 15 to 25 s by a voice that is not in the corpus: `pcm [samples]` and its words.

    Six of its sentences hold a keyword; the seed decides their order, the pauses between them (0.3 to 0.7 s) and the
    way they are said. Raises `CorpusError` when eSpeak NG is missing.
    """
    synthesizer = Synthesizer()
    generator = _generator(seed, "recording")
    pieces: list[NDArray[np.int16]] = []
    words: list[ReferenceWord] = []
    length = 0
    for index in generator.permutation(len(RECORDING_SENTENCES)):
        pause = np.zeros(round(generator.uniform(0.3, 0.7) * SAMPLE_RATE_HZ), np.int16)
        speech, spoken = _speak(synthesizer, HELD_BACK_VOICE, RECORDING_SENTENCES[index], generator)
        words.extend(_moved(spoken, length + len(pause)))
        pieces.extend((pause, speech))
        length += len(pause) + len(speech)
    pieces.append(np.zeros(SAMPLE_RATE_HZ // 2, np.int16))
    return _with_noise(np.concatenate(pieces), generator), tuple(words)


def _plan_speaker(voice: Voice, config: DemoCorpusConfig) -> tuple[PlannedUtterance, ...]:
    generator = _generator(config.seed, voice.speaker_id, config.keyword_repeats, config.other_words)
    texts = list(KEYWORDS)
    for keyword in KEYWORDS:
        order = generator.permutation(len(CARRIERS))
        # More repeats than carriers start over: the same sentence, said differently.
        texts.extend(CARRIERS[order[i % len(CARRIERS)]].format(keyword) for i in range(config.keyword_repeats))
    texts.extend(OTHER_WORDS[i] for i in generator.permutation(len(OTHER_WORDS))[: config.other_words])
    texts.extend(FILLERS[i] for i in generator.permutation(len(FILLERS))[:FILLERS_PER_SPEAKER])
    return tuple(
        PlannedUtterance(voice, text, f"espeak/{voice.speaker_id}/{number:04d}") for number, text in enumerate(texts)
    )


def _speak(
    synthesizer: Synthesizer, voice: Voice, text: str, generator: np.random.Generator
) -> tuple[NDArray[np.int16], tuple[ReferenceWord, ...]]:
    rate = round(voice.rate_words_per_minute * generator.uniform(1 - RATE_VARIATION, 1 + RATE_VARIATION))
    pitch = voice.pitch + int(generator.integers(-PITCH_VARIATION, PITCH_VARIATION, endpoint=True))
    synthesis = synthesizer.synthesize(text, voice.espeak_name, rate, pitch)
    return synthesis.pcm16, synthesis.words


def _with_noise(pcm: NDArray[np.int16], generator: np.random.Generator) -> NDArray[np.int16]:
    noise = generator.normal(0, NOISE_RMS * 32768, len(pcm))
    return np.clip(np.round(pcm + noise), -32768, 32767).astype(np.int16)


def _moved(words: Sequence[ReferenceWord], samples: int) -> tuple[ReferenceWord, ...]:
    shift_s = samples / SAMPLE_RATE_HZ
    return tuple(ReferenceWord(w.word, w.start_s + shift_s, w.end_s + shift_s) for w in words)


def _generator(*parts: object) -> np.random.Generator:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
