"""Screen eSpeak's voice variants for the demo corpus and print the list for `kws_core/corpora/demo_voices.py`.

    python -m tests.benchmarks.screen_voices          # about 5 minutes on one core

A variant is kept when
1. it is no whisper, and its name can stand in an id;
2. PocketSphinx, choosing among all words of the demo corpus, recognises at least `MIN_RECOGNISED` of its test words
   spoken with the accent that the recogniser was trained on (en-us): this judges the voice and not its accent;
3. it still recognises at least `MIN_RECOGNISED_ACCENT` with the accent that the variant is given;
4. every test sentence aligns whole, with a median onset error of at most `MAX_ONSET_ERROR_S`;
5. its long-term spectrum differs by at least `MIN_DISTANCE_DB` from every variant kept before it.
Accents rotate over the variants that are kept. Variants are taken in the order of a hash, so that a corpus of few
speakers is not the beginning of the alphabet.
"""

import hashlib
import re

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.demo_voices import Voice
from kws_core.corpora.demo_words import CARRIERS, FILLERS, KEYWORDS, OTHER_WORDS
from kws_core.corpora.espeak import ReferenceWord, Synthesizer

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-us-nyc", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
MIN_RECOGNISED = 0.6
MIN_RECOGNISED_ACCENT = 0.4
MAX_ONSET_ERROR_S = 0.05
MIN_DISTANCE_DB = 1.5
TEST_WORDS = KEYWORDS + OTHER_WORDS[::9]
TEST_SENTENCES = FILLERS[:4] + tuple(CARRIERS[i].format(word) for i, word in enumerate(KEYWORDS[:4]))


def main() -> None:
    """Print why variants are dropped, then the list of the kept ones."""
    synthesizer = Synthesizer()
    recogniser = _recogniser()
    kept: list[Voice] = []
    shares: list[float] = []
    spectra: list[NDArray[np.float64]] = []
    for variant in sorted(synthesizer.variants, key=lambda name: hashlib.sha256(name.encode()).digest()):
        accent = ACCENTS[len(kept) % len(ACCENTS)]
        voice = _voice(synthesizer, variant, accent)
        spectrum = _spectrum(synthesizer, voice)
        distances = [float(np.sqrt(np.mean((spectrum - other) ** 2))) for other in spectra]
        nearest = min(range(len(kept)), key=distances.__getitem__, default=None)
        share = _recognised(synthesizer, recogniser, voice, "en-us")
        reason = _fault(synthesizer, recogniser, voice, share)
        if not reason and nearest is not None and distances[nearest] < MIN_DISTANCE_DB:
            reason = f"{distances[nearest]:.1f} dB from {kept[nearest].variant}"
        if reason:
            print(f"# dropped {variant}: {reason}", flush=True)
            continue
        kept.append(voice)
        shares.append(share)
        spectra.append(spectrum)
    print(f"# kept {len(kept)} of {len(synthesizer.variants)}")
    american = [index for index, voice in enumerate(kept) if voice.accent == "en-us"]
    held_back = max(american, key=shares.__getitem__)
    for index, (voice, share) in enumerate(zip(kept, shares, strict=True)):
        if index == held_back:
            print("    # HELD_BACK_VOICE, the best recognised of those with the recogniser's accent:")
        arguments = f'"{voice.variant}", "{voice.accent}", {voice.rate_words_per_minute}, {voice.pitch}'
        print(f"    Voice({arguments}),  # {share:.0%}")


def _voice(synthesizer: Synthesizer, variant: str, accent: str) -> Voice:
    generator = np.random.default_rng(list(variant.encode()))
    rate, pitch = generator.uniform(185, 215), int(generator.integers(40, 60, endpoint=True))
    # Some variants drawl or hurry: correct the rate, or their clips would be longer or shorter than all others.
    sentence, plain = FILLERS[0], len(synthesizer.synthesize(FILLERS[0], accent).pcm16)
    drawl = len(synthesizer.synthesize(sentence, f"{accent}+{variant}").pcm16) / plain
    return Voice(variant, accent, round(rate * drawl), pitch)


def _recognised(synthesizer: Synthesizer, recogniser: Decoder, voice: Voice, accent: str) -> float:
    return float(np.mean([_heard(synthesizer, recogniser, voice, accent, word) == word for word in TEST_WORDS]))


def _fault(synthesizer: Synthesizer, recogniser: Decoder, voice: Voice, share: float) -> str:
    if "whisper" in voice.variant:
        return "a whisper"
    if not re.fullmatch(r"[A-Za-z0-9]+", voice.variant):
        return "its name cannot stand in an id"
    if share < MIN_RECOGNISED:
        return f"{share:.0%} of the words recognised in en-us"
    share = _recognised(synthesizer, recogniser, voice, voice.accent)
    if share < MIN_RECOGNISED_ACCENT:
        return f"{share:.0%} of the words recognised in {voice.accent}"
    errors: list[float] = []
    aligner = Decoder(lm=None, samprate=SAMPLE_RATE_HZ, loglevel="FATAL")
    for sentence in TEST_SENTENCES:
        pcm, words = _padded(synthesizer, voice, voice.accent, sentence)
        aligned = align(aligner, pcm, sentence)
        if [word for word, _ in aligned] != sentence.split():
            return f"{sentence!r} does not align"
        errors.extend(abs(start_s - word.start_s) for (_, start_s), word in zip(aligned, words, strict=True))
    median_s = float(np.median(errors))
    return f"median onset error {1000 * median_s:.0f} ms" if median_s > MAX_ONSET_ERROR_S else ""


def align(decoder: Decoder, pcm: NDArray[np.int16], text: str) -> list[tuple[str, float]]:
    """Words and onsets in seconds as PocketSphinx aligns them; fewer than the text's when it fails."""
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    segments = decoder.seg() or ()
    words = [(re.sub(r"\(\d+\)$", "", s.word), s.start_frame / 100) for s in segments]
    return [(word, start_s) for word, start_s in words if word[0] not in "<["]


def _heard(synthesizer: Synthesizer, recogniser: Decoder, voice: Voice, accent: str, word: str) -> str | None:
    pcm, _ = _padded(synthesizer, voice, accent, word)
    recogniser.start_utt()
    recogniser.process_raw(pcm.tobytes(), full_utt=True)
    recogniser.end_utt()
    hypothesis = recogniser.hyp()
    return hypothesis.hypstr if hypothesis else None


def _recogniser() -> Decoder:
    decoder = Decoder(lm=None, samprate=SAMPLE_RATE_HZ, loglevel="FATAL")
    words = " | ".join(KEYWORDS + OTHER_WORDS)
    decoder.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <word> = {words};")
    decoder.activate_search("words")
    return decoder


def _padded(
    synthesizer: Synthesizer, voice: Voice, accent: str, text: str, padding_s: float = 0.5
) -> tuple[NDArray[np.int16], list[ReferenceWord]]:
    name = f"{accent}+{voice.variant}"
    speech = synthesizer.synthesize(text, name, voice.rate_words_per_minute, voice.pitch)
    pcm = np.pad(speech.pcm16, round(padding_s * SAMPLE_RATE_HZ))
    noise = np.random.default_rng(0).normal(0, 33, len(pcm))
    words = [ReferenceWord(w.word, w.start_s + padding_s, w.end_s + padding_s) for w in speech.words]
    return np.clip(pcm + noise, -32768, 32767).astype(np.int16), words


def _spectrum(synthesizer: Synthesizer, voice: Voice) -> NDArray[np.float64]:
    """Long-term spectrum in dB [30 bands of equal ratio, 80 to 7800 Hz], mean 0, of one accent, rate and pitch."""
    pcm = np.concatenate([synthesizer.synthesize(text, f"en-us+{voice.variant}").pcm16 for text in FILLERS[:4]])
    frames = np.lib.stride_tricks.sliding_window_view(pcm.astype(float), 1024)[::256] * np.hanning(1024)
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(1024, 1 / SAMPLE_RATE_HZ)
    edges = np.geomspace(80, 7800, 31)
    grid = np.linspace(edges[:-1], edges[1:], 8)
    bands = np.interp(grid, frequencies, power).mean(axis=0)
    level = 10 * np.log10(bands + 1)
    return level - level.mean()


if __name__ == "__main__":
    main()
