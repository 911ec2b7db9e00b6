"""`kws demo-recording`: something to spot keywords in."""

from pathlib import Path

import soundfile
import typer

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.demo import demo_recording
from kws_core.corpora.demo_words import KEYWORDS
from kws_core.errors import CorpusError


def write_demo_recording(path: Path, seed: int) -> None:
    """Write the WAV file and print where its keywords truly are."""
    pcm, words = demo_recording(seed)
    try:
        soundfile.write(path, pcm, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    except (OSError, soundfile.LibsndfileError) as error:
        raise CorpusError(f"{path}: cannot be written: {error}") from error
    spoken = [f"{word.word} at {word.start_s:.2f} s" for word in words if word.word in KEYWORDS]
    typer.echo(f"{path}: {len(pcm) / SAMPLE_RATE_HZ:.1f} s; keywords spoken: {', '.join(spoken)}")
