"""Screen eSpeak's other voice variants for the corpus of spoken words; print what `spoken_words_voices.py` lists.

    python -m tests.benchmarks.screen_word_voices          # about 2 minutes on one core
    python -m tests.benchmarks.screen_word_voices listen   # what is recognised of the corpus itself, by voice

The speakers of the demo corpus are known to be good. Of the other variants, one is kept when
1. it is no whisper, its name can stand in an id, and it is not of the family of the held-back voice;
2. PocketSphinx, choosing among all words of the demo corpus, recognises at least `MIN_RECOGNISED` of its test words,
   spoken with the accent that the recogniser was trained on (en-us);
3. its long-term spectrum differs by at least `MIN_DISTANCE_DB` from the demo's voices and from every one kept before,
   so that no voice has a double on the other side of a split.
Alignment of sentences is not asked for: these voices say one word at a time.

`listen` lets PocketSphinx choose among `LISTEN_WORDS` words of the corpus for each of them, spoken by every natural
pseudo-speaker and by eSpeak variants in every accent, as the corpus speaks them; more than 80 % is wanted of the
natural voices. It also prints words a second of each engine.
"""

import sys
import time
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from kws_core.config import SAMPLE_RATE_HZ, SpokenWordsCorpusConfig
from kws_core.corpora.demo_voices import HELD_BACK_VOICE, VOICES
from kws_core.corpora.espeak import Synthesizer
from kws_core.corpora.spoken_words import plan_spoken_words
from kws_core.corpora.spoken_words_speech import WordSpeaker
from kws_core.corpora.spoken_words_voices import NATURAL
from tests.benchmarks.screen_voices import TEST_WORDS, _recognised, _recogniser, _spectrum, _voice

MIN_RECOGNISED = 0.5
MIN_DISTANCE_DB = 1.0
LISTEN_WORDS = 30


def main() -> None:
    """Print why variants are dropped, then the list of the kept ones with their rates."""
    synthesizer = Synthesizer()
    recogniser = _recogniser()
    spectra: dict[str, NDArray[np.float64]] = {v.variant: _spectrum(synthesizer, v) for v in (*VOICES, HELD_BACK_VOICE)}
    kept = []
    for variant in synthesizer.variants:
        if variant in spectra:
            continue
        if "whisper" in variant or not variant.isalnum() or variant.startswith(HELD_BACK_VOICE.variant + "e"):
            print(f"# dropped {variant}: a whisper, an unusable name or of the held-back family")
            continue
        voice = _voice(synthesizer, variant, "en-us")
        spectrum = _spectrum(synthesizer, voice)
        distances = {name: float(np.sqrt(np.mean((spectrum - other) ** 2))) for name, other in spectra.items()}
        nearest = min(distances, key=distances.__getitem__)
        if distances[nearest] < MIN_DISTANCE_DB:
            print(f"# dropped {variant}: {distances[nearest]:.1f} dB from {nearest}", flush=True)
            continue
        share = _recognised(synthesizer, recogniser, voice, "en-us")
        if share < MIN_RECOGNISED:
            print(f"# dropped {variant}: {share:.0%} of {len(TEST_WORDS)} words recognised", flush=True)
            continue
        spectra[variant] = spectrum
        kept.append(variant)
        rate = voice.rate_words_per_minute
        print(f'    ("{variant}", {rate}),  # {share:.0%}, {distances[nearest]:.1f} dB from {nearest}', flush=True)
    print(f"# kept {len(kept)} beside {len(VOICES)}")


def listen() -> None:
    """Print the share of words recognised, by speaker of a natural voice and by accent of eSpeak, and the speeds."""
    natural = sum(len(speakers) for speakers in NATURAL)
    config = SpokenWordsCorpusConfig(
        words=LISTEN_WORDS, words_per_language=0, voices_per_word=natural + 14, natural_voices_per_word=natural
    )
    planned = plan_spoken_words(config)
    decoder = Decoder(lm=None, samprate=SAMPLE_RATE_HZ, loglevel="FATAL")
    words = " | ".join(sorted({word.label for word in planned}))
    decoder.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <word> = {words};")
    decoder.activate_search("words")
    speaker = WordSpeaker()
    heard: dict[str, list[bool]] = defaultdict(list)
    spent_s: dict[str, list[float]] = defaultdict(list)
    for word in planned:
        started = time.perf_counter()
        pcm = np.pad(speaker.speak(word), SAMPLE_RATE_HZ // 4)
        spent_s[word.engine].append(time.perf_counter() - started)
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        right = hypothesis is not None and hypothesis.hypstr == word.label
        for name in (word.engine, word.voice.partition("+")[0] if word.engine == "espeak" else word.speaker_id):
            heard[name].append(right)
    for name, rights in sorted(heard.items()):
        print(f"{name}: {np.mean(rights):.0%} of {len(rights)}")
    for engine, times in spent_s.items():
        # the first word waits for the engine to load
        print(f"{engine}: {(len(times) - 1) / sum(sorted(times)[:-1]):.0f} words a second")


if __name__ == "__main__":
    listen() if sys.argv[1:] == ["listen"] else main()
