"""Recipe `hello_npu`: a wake word against other speech, from the user's folder.

HelloNPU is given out on request and in no one layout, so that the section says which files are which; any other
collection of a wake word is read the same way.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

from kws_core.config import HelloNpuCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.errors import ConfigError, CorpusError

ABOUT = About(
    title="HelloNPU, or any wake word against other speech",
    language="zh",
    size="yours",
    licence="for research; stated by you",
    home="http://www.npu-aslp.org",
    needs="path: the folder",
)


def prepare_hello_npu(config: HelloNpuCorpusConfig) -> list[Recording]:
    """List the recordings of the folder.

    Other speech without a transcript gets a label of its own, which no other recording has: two of them never count as
    the same word. Files that no pattern matches, or patterns of both kinds, or without a speaker, are listed with their
    problem.

    Raises:
        CorpusError: the folder is not there or holds no recordings of the wake word.
        ConfigError: `speaker` is no regular expression with a group.
    """
    folder = Path(config.path)
    if not folder.is_dir():
        raise CorpusError(f"{folder}: there is no such folder of recordings")
    try:
        speaker = re.compile(config.speaker)
    except re.error as error:
        raise ConfigError(f"speaker {config.speaker!r} is no regular expression: {error}") from error
    if not speaker.groups:
        raise ConfigError(f"speaker {config.speaker!r} has no group, such as ([^/]+), for the speaker")
    files = CorpusFiles(folder, "hello_npu", config.licence)
    audio = files.audio()
    if not any(_matches(name, config.positive) for name in audio):
        raise CorpusError(f"{folder}: no recording matches positive: {', '.join(config.positive)}")
    transcripts = _transcripts(files)
    recordings = [_recording(files, name, config, speaker, transcripts) for name in audio]
    stems = {_stem(name) for name in audio}
    lost = [name for stem, name in sorted(transcripts.items()) if stem not in stems]
    return [*recordings, *(files.problem(name, "there is no recording of this transcript") for name in lost)]


def _recording(
    files: CorpusFiles,
    name: str,
    config: HelloNpuCorpusConfig,
    speaker: re.Pattern[str],
    transcripts: dict[str, str],
) -> Recording:
    positive, negative = _matches(name, config.positive), _matches(name, config.negative)
    if positive == negative:
        reason = "patterns of positive and of negative match it" if positive else "no pattern matches it"
        return files.problem(name, reason)
    match = speaker.fullmatch(name)
    if match is None or not match[1]:
        return files.problem(name, f"the name gives no speaker by {config.speaker!r}")
    speaker_id = f"npu-{match[1]}"
    if positive:
        return files.recording(name, speaker_id=speaker_id, text=config.wake_word)
    table = transcripts.get(_stem(name))
    if table is not None:
        return files.recording(name, speaker_id=speaker_id, text=" ".join(files.lines(table)).strip())
    own = files.recording(name, speaker_id=speaker_id, text="")
    # letters only, as words are
    letters = "".join(chr(ord("a") + int(digit, 16)) for digit in own.digest[:12])
    return files.recording(name, speaker_id=speaker_id, text=f"other {letters}")


def _transcripts(files: CorpusFiles) -> dict[str, str]:
    return {_stem(name): name for name in files.names if name.endswith((".txt", ".lab")) and "/" in name}


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _stem(name: str) -> str:
    return name.rpartition(".")[0]
