"""Corpora that others publish: fetched by their recipes, or brought by the user where a licence has to be accepted."""

from typing import ClassVar, Literal

from pydantic import Field

from kws_core.config.corpora.section import AlignerName, CorpusSection

LibriSpeechSubset = Literal[
    "train-clean-100",
    "train-clean-360",
    "train-other-500",
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
    "train-clean-5",
    "dev-clean-2",
]
"""The last two are mini LibriSpeech."""
CommonVoiceTable = Literal["train", "dev", "test", "validated", "other"]


class DownloadedCorpusSection(CorpusSection):
    """A corpus that its recipe downloads."""

    official_splits: ClassVar[bool] = True
    folder: str = Field(default="", exclude=True)
    """Where downloads and extracted files live; KWS_CORPORA or `~/.cache/kws-foundry/corpora` when empty. Workers read
    the recordings there, so a cluster needs a folder that all nodes see."""
    mirror: str = Field(default="", exclude=True)
    """A folder, `s3://` prefix or URL that holds the archives under their own names, in place of the publisher's."""


class SpeechCommandsCorpusConfig(DownloadedCorpusSection):
    """Google Speech Commands: isolated words, one second each (recipe `speech_commands`)."""

    noise_recordings: ClassVar[bool] = True
    recipe: Literal["speech_commands"] = "speech_commands"
    aligner: AlignerName = "whole_clip"
    version: Literal["0.01", "0.02"] = "0.02"
    words: tuple[str, ...] = ()
    """Words to read; all of them when empty. With `use: noise` the background noises are read in place of words."""


class LibriSpeechCorpusConfig(DownloadedCorpusSection):
    """LibriSpeech and mini LibriSpeech: read English (recipe `librispeech`)."""

    recipe: Literal["librispeech"] = "librispeech"
    subsets: tuple[LibriSpeechSubset, ...] = Field(default=("train-clean-100", "dev-clean", "test-clean"), min_length=1)


class AishellCorpusConfig(DownloadedCorpusSection):
    """AISHELL-1: read Mandarin (recipe `aishell`)."""

    recipe: Literal["aishell"] = "aishell"
    aligner: AlignerName = "mfa"
    language: str = "zh"
    subsets: tuple[Literal["train", "dev", "test"], ...] = Field(default=("train", "dev", "test"), min_length=1)


class MswcCorpusConfig(DownloadedCorpusSection):
    """Multilingual Spoken Words: words cut from Common Voice, 50 languages (recipe `mswc`)."""

    recipe: Literal["mswc"] = "mswc"
    aligner: AlignerName = "whole_clip"
    language: str = "mul"
    """`mul`, ISO 639-2 for several languages; each word has its own."""
    languages: tuple[str, ...] = Field(default=("en",), min_length=1)
    """Codes of Common Voice, such as `en`, `de` or `sv-SE`; one archive each."""
    words: tuple[str, ...] = ()
    """Words to read; all of them when empty."""
    valid_only: bool = True
    """Leave out words of recordings that listeners did not confirm."""


class An4CorpusConfig(DownloadedCorpusSection):
    """CMU AN4: spelled names, digits and commands (recipe `an4`)."""

    recipe: Literal["an4"] = "an4"
    encoding: Literal["sphere", "raw"] = "sphere"
    """Which of the two archives is read: SPHERE files, or 16-bit big-endian samples without a header."""


class FsddCorpusConfig(DownloadedCorpusSection):
    """Free Spoken Digit Dataset (recipe `fsdd`). Its official test recordings are by the speakers it trains on."""

    recipe: Literal["fsdd"] = "fsdd"
    aligner: AlignerName = "whole_clip"
    version: str = Field(default="1.0.10", pattern=r"^\d+(\.\d+)*$")
    """Tag of the release."""


class CommonVoiceCorpusConfig(CorpusSection):
    """Common Voice, from the archive that the user downloaded (recipe `common_voice`)."""

    official_splits: ClassVar[bool] = True
    recipe: Literal["common_voice"] = "common_voice"
    aligner: AlignerName = Field(
        default_factory=lambda given: "pocketsphinx" if given.get("language", "en") == "en" else "mfa"
    )
    """PocketSphinx knows English only."""
    path: str
    """The archive of one language (`.tar.gz`), or the folder that was extracted from it."""
    folder: str = Field(default="", exclude=True)
    """Where the archive is extracted; KWS_CORPORA or `~/.cache/kws-foundry/corpora` when empty."""
    tables: tuple[CommonVoiceTable, ...] = Field(default=("train", "dev", "test"), min_length=1)
    """Tables to read. What only `validated` or `other` list has no official split."""


class HelloNpuCorpusConfig(CorpusSection):
    """HelloNPU: a wake word against other speech, from the user's folder (recipe `hello_npu`)."""

    recipe: Literal["hello_npu"] = "hello_npu"
    aligner: AlignerName = "whole_clip"
    language: str = "zh"
    path: str
    """Folder of the recordings."""
    wake_word: str = Field(default="hello npu", min_length=1)
    """What the recordings of the wake word say."""
    positive: tuple[str, ...] = ("positive/**",)
    """Glob patterns, relative to `path`, of recordings of the wake word."""
    negative: tuple[str, ...] = ("negative/**",)
    """Glob patterns of other speech. A `.txt` or `.lab` beside a recording is its transcript; without one, it is a word
    of its own."""
    speaker: str = r"(?:.*/)?([^/]+)/[^/]+"
    """Regular expression that the whole relative path must match; its first group is the speaker."""
    licence: str = "unknown"
