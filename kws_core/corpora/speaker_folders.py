"""Recipe `speaker_folders`: a folder per speaker, with a transcript `x.lab` or `x.txt` beside every recording `x`."""

from pathlib import Path

from kws_core.config import SpeakerFoldersCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles
from kws_core.corpora.planned_recording import with_digests
from kws_core.corpora.recording import Recording
from kws_core.errors import CorpusError

TRANSCRIPT_SUFFIXES = (".lab", ".txt")


def prepare_speaker_folders(config: SpeakerFoldersCorpusConfig) -> list[Recording]:
    """List the recordings of the folder; one without its transcript, and a transcript without its recording, is listed
    with its problem. Files of other kinds are no part of the corpus.

    Raises:
        CorpusError: the folder is missing or holds no recordings.
    """
    folder = Path(config.folder)
    if not folder.is_dir():
        raise CorpusError(f"{folder}: there is no such folder")
    files = CorpusFiles(folder, "", config.licence)
    audio: dict[str, list[str]] = {}
    for name in files.audio():
        audio.setdefault(_stem(name), []).append(name)
    if not audio:
        raise CorpusError(f"{folder}: no recording is in it; .wav, .flac, .ogg, .opus, .mp3 and .sph are accepted")
    transcripts: dict[str, list[str]] = {}
    for name in files.names:
        if name.lower().endswith(TRANSCRIPT_SUFFIXES):
            transcripts.setdefault(_stem(name), []).append(name)
    recordings = []
    for stem, names in audio.items():
        for name in names:
            text, problem = _transcript(folder, transcripts.get(stem, []), needed=config.use != "noise")
            if len(names) > 1:
                problem = f"{' and '.join(names)} share one transcript"
            recordings.append(_recording(name, folder, text, problem, config))
    for stem, names in transcripts.items():
        # a text of another kind, such as a licence, may lie above the speakers' folders
        if stem not in audio:
            lone = [name for name in names if "/" in name]
            recordings.extend(_recording(name, None, "", "there is no recording of it", config) for name in lone)
    return with_digests(recordings, config)


def _recording(
    name: str, folder: Path | None, text: str, problem: str, config: SpeakerFoldersCorpusConfig
) -> Recording:
    speaker, slash, _ = name.partition("/")
    return Recording(
        speaker_id=speaker if slash else "",
        text=text,
        source=name,
        licence=config.licence,
        location=str((folder / name).absolute()) if folder else "",
        digest="",
        size_bytes=0,
        problem=problem if slash else "it lies in no speaker's folder",
    )


def _transcript(folder: Path, names: list[str], needed: bool) -> tuple[str, str]:
    """Text and problem."""
    if len(names) != 1:
        problem = f"it has several transcripts: {', '.join(names)}" if names else "it has no transcript"
        return "", problem if names or needed else ""
    try:
        return (folder / names[0]).read_text(encoding="utf-8-sig").strip(), ""
    except UnicodeDecodeError as error:
        return "", f"its transcript {names[0]} is not UTF-8 (byte {error.start})"
    except OSError as error:
        return "", f"its transcript {names[0]} cannot be read: {error.strerror or error}"


def _stem(name: str) -> str:
    return name.rpartition(".")[0]
