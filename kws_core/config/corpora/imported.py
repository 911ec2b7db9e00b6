"""Corpora in layouts that teams already have: tables, folders, and the files of Kaldi, NeMo, lhotse and `datasets`."""

import re
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from kws_core.config.corpora.section import CorpusSection


class ImportedCorpusSection(CorpusSection):
    """What every imported corpus states."""

    official_splits: ClassVar[bool] = True
    noise_recordings: ClassVar[bool] = True
    licence: str = "unknown"
    """Licence of recordings of which the corpus states none."""


class ManifestCorpusConfig(ImportedCorpusSection):
    """Any TSV or CSV with the columns `path speaker text` (recipe `manifest`).

    Read where they are there: `source licence split language start_s end_s`.
    """

    recipe: Literal["manifest"] = "manifest"
    path: str
    """The table: comma-separated with quotes when its name ends in `.csv`, else separated by tabs, without quotes.
    Audio paths in it are relative to its folder."""
    include: tuple[str, ...] = ("*",)
    """Glob patterns on the column `path`: a row is read when it matches any of them."""


class FeedbackCorpusConfig(ImportedCorpusSection):
    """False alarms and misses that somebody has marked in recordings (`feedback`)."""

    official_splits: ClassVar[bool] = False
    noise_recordings: ClassVar[bool] = False
    recipe: Literal["feedback"] = "feedback"
    path: str
    """A table separated by tabs: `path start_s end_s kind keyword` and, where they are there, `spoken speaker licence
    language`. `kind` is `false_alarm` or `miss`. Audio paths are relative to its folder."""


class SpeakerFoldersCorpusConfig(ImportedCorpusSection):
    """A folder per speaker, with a transcript `x.lab` or `x.txt` beside every recording `x` (`speaker_folders`)."""

    official_splits: ClassVar[bool] = False
    recipe: Literal["speaker_folders"] = "speaker_folders"
    folder: str
    """Its folders are the speakers; recordings may lie deeper."""


class KaldiCorpusConfig(ImportedCorpusSection):
    """A Kaldi data directory: `wav.scp text utt2spk`, and `segments`, `utt2lang` where they are there (`kaldi`)."""

    official_splits: ClassVar[bool] = False
    recipe: Literal["kaldi"] = "kaldi"
    folder: str
    root: str = ""
    """Where relative paths of `wav.scp` start; `folder` when empty."""


class NemoCorpusConfig(ImportedCorpusSection):
    """NeMo's JSON lines: `audio_filepath text`, and `offset duration lang` where they are there (recipe `nemo`)."""

    official_splits: ClassVar[bool] = False
    recipe: Literal["nemo"] = "nemo"
    path: str
    """The manifest; relative audio paths start at its folder."""
    speaker_field: str = "speaker"
    speaker_pattern: str = ""
    """Where lines have no speaker: a regular expression that is searched in `audio_filepath`; its first group is the
    speaker."""

    @field_validator("speaker_pattern")
    @classmethod
    def _check_pattern(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        if pattern and not groups:
            raise ValueError(f"{pattern!r} needs a group in parentheses, which is the speaker")
        return pattern


class LhotseCorpusConfig(ImportedCorpusSection):
    """Manifests of lhotse, `.jsonl` or `.jsonl.gz`: cuts, or recordings and supervisions (recipe `lhotse`)."""

    official_splits: ClassVar[bool] = False
    recipe: Literal["lhotse"] = "lhotse"
    cuts: str = ""
    recordings: str = ""
    supervisions: str = ""
    root: str = ""
    """Where relative audio paths start; the folder of the manifest when empty."""

    @model_validator(mode="after")
    def _check(self) -> "LhotseCorpusConfig":
        pair = bool(self.recordings) and bool(self.supervisions)
        if bool(self.cuts) == pair or (self.cuts and (self.recordings or self.supervisions)):
            raise ValueError("lhotse needs either cuts, or recordings and supervisions")
        return self


class HuggingFaceCorpusConfig(ImportedCorpusSection):
    """Parquet files of Hugging Face `datasets` with an audio column (recipe `hugging_face`).

    A file named after a split, such as `train-00000-of-00002.parquet`, gives its recordings that official split.
    """

    recipe: Literal["hugging_face"] = "hugging_face"
    path: str
    """A Parquet file, or a folder with some, at any depth."""
    audio_column: str = "audio"
    """A struct of `bytes` and `path`, or bytes."""
    text_column: str = "text"
    """Text, or a class label whose names the files carry."""
    speaker_column: str = "speaker_id"
    language_column: str = ""
    licence_column: str = ""
    include_splits: tuple[Literal["train", "development", "test", ""], ...] = Field(
        default=("train", "development", "test", ""), min_length=1
    )
    """Splits to read; "" stands for files that are named after none."""
