"""The pronunciations that one run needs."""

from collections.abc import Iterable
from pathlib import Path

from kws_core.alignment.mfa.dictionary import Lexicon, Pronunciations, generate_pronunciations
from kws_core.alignment.mfa.program import MfaProgram
from kws_core.config import MfaConfig


def vocabulary(
    program: MfaProgram, config: MfaConfig, lexicon: Lexicon, transcripts: Iterable[tuple[str, ...]], work: Path
) -> Pronunciations:
    """Pronunciations of the words of transcripts: the lexicon's; else the G2P model's, or without one its rules'.

    Only these words go into a run's dictionary: MFA reads 100,000 lines in seconds that short runs need for better,
    and entries such as `'s`, at which it would split words, stay out.
    """
    words = sorted({word for transcript in transcripts for word in transcript})
    entries = {word: lines for word in words if (lines := lexicon.lookup(word))}
    unknown = [word for word in words if word not in entries]
    if unknown and config.g2p_model:
        generated = generate_pronunciations(program, Path(config.g2p_model), unknown, work / "g2p", config.jobs)
        return {**entries, **generated}
    return {**entries, **{word: lines for word in unknown if (lines := lexicon.guess(word))}}
