"""Recipe `speech_commands`: Google Speech Commands v0.01 and v0.02.

Source: Warden, Speech Commands: a dataset for limited-vocabulary speech recognition (2018).
"""

from pathlib import Path

from kws_core.config import SpeechCommandsCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles, find_folder
from kws_core.corpora.download import OnProgress, RemoteFile
from kws_core.corpora.published_archives import download_archives, extracted
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.errors import ConfigError

ABOUT = About(
    title="Google Speech Commands 0.01, 0.02",
    language="en",
    size="1.5 GB, 64,727 words of 30; 2.4 GB, 105,829 words of 35",
    licence="CC BY 4.0",
    home="https://arxiv.org/abs/1804.03209",
)
ADDRESS = "https://storage.googleapis.com/download.tensorflow.org/data"
SHA256 = {
    "0.01": "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
    "0.02": "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
}
BACKGROUND = "_background_noise_"
SPLIT_LISTS = {"validation_list.txt": "development", "testing_list.txt": "test"}


def download_speech_commands(
    config: SpeechCommandsCorpusConfig, folder: Path, on_progress: OnProgress | None = None
) -> Path:
    """Fetch and extract the version's archive below `folder`; returns its folder. Raises `CorpusError`."""
    archive = RemoteFile(f"{ADDRESS}/{_archive(config)}", sha256=SHA256[config.version])
    return download_archives([archive], folder / "speech_commands", config.mirror, on_progress)


def prepare_speech_commands(config: SpeechCommandsCorpusConfig, root: Path) -> list[Recording]:
    """List the words, or with `use: noise` the background noises.

    A word's label is its folder; its speaker, the part of its name before `_nohash_`; its split, `train` unless the
    corpus's validation or testing list names it.

    Raises:
        CorpusError: the corpus is not there, or a list of it is missing.
        ConfigError: a word that it lacks is wanted.
    """
    noise = config.use == "noise"
    title = f"speech_commands-{config.version}"
    files = extracted(root, _archive(config), title, ABOUT.licence, use="noise" if noise else "")
    top = find_folder(files.folder, [*SPLIT_LISTS, BACKGROUND]).relative_to(files.folder)
    prefix = "" if top == Path() else f"{top.as_posix()}/"
    audio = [name.removeprefix(prefix) for name in files.audio(".wav") if name.startswith(prefix)]
    if noise:
        names = [prefix + name for name in audio if name.startswith(f"{BACKGROUND}/")]
        return [files.recording(name, speaker_id="gsc-noise", text="") for name in names]
    words = {name.partition("/")[0] for name in audio} - {BACKGROUND}
    for word in config.words:
        if word not in words:
            raise ConfigError(f"{title} has no word {word!r}; it has {', '.join(sorted(words))}")
    wanted = frozenset(config.words or words)
    splits, unknown = _official_splits(files, prefix, frozenset(audio))
    spoken = [name for name in audio if name.partition("/")[0] in wanted]
    return [*(_word(files, prefix, name, splits.get(name, "train")) for name in spoken), *unknown]


def _word(files: CorpusFiles, prefix: str, name: str, split: str) -> Recording:
    word, _, file = name.partition("/")
    speaker, separator, _ = file.partition("_nohash_")
    if not (speaker and separator):
        return files.problem(prefix + name, "the name has no speaker before '_nohash_'")
    return files.recording(prefix + name, speaker_id=f"gsc-{speaker}", text=word, split=split)


def _official_splits(files: CorpusFiles, prefix: str, audio: frozenset[str]) -> tuple[dict[str, str], list[Recording]]:
    """Splits by file name, and the lines that name no file."""
    splits: dict[str, str] = {}
    unknown = []
    for table, split in SPLIT_LISTS.items():
        for number, line in enumerate(files.lines(prefix + table), start=1):
            name = line.strip()
            if name in audio:
                splits[name] = split
            else:
                unknown.append(files.problem(f"{prefix}{table} line {number}", f"there is no recording {name!r}"))
    return splits, unknown


def _archive(config: SpeechCommandsCorpusConfig) -> str:
    return f"speech_commands_v{config.version}.tar.gz"
