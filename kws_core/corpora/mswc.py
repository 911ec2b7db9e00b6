"""Recipe `mswc`: Multilingual Spoken Words, single words cut from Common Voice by forced alignment.

Source: Mazumder et al., Multilingual Spoken Words Corpus (2021).
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from kws_core.config import MswcCorpusConfig
from kws_core.corpora.common_voice import common_voice_speaker
from kws_core.corpora.corpus_files import CorpusFiles, find_folder
from kws_core.corpora.download import OnProgress, RemoteFile
from kws_core.corpora.published_archives import download_archives, extracted
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.errors import ConfigError, CorpusError

ABOUT = About(
    title="Multilingual Spoken Words",
    language="50 languages",
    size="124 GB, 6,000 h, 23.4 million words; one archive a language",
    licence="CC BY 4.0",
    home="https://mlcommons.org/datasets/multilingual-spoken-words",
)
ADDRESS = "https://mswc.mlcommons-storage.org"
SPLITS = {"TRAIN": "train", "DEV": "development", "TEST": "test"}
COLUMNS = ("SET", "LINK", "WORD", "VALID", "SPEAKER")


def download_mswc(config: MswcCorpusConfig, folder: Path, on_progress: OnProgress | None = None) -> Path:
    """Fetch and extract the languages' archives of audio and of splits below `folder`; returns their folder.

    A mirror holds them as the publisher does: `audio/<language>.tar.gz` and `splits/<language>.tar.gz`. Raises
    `CorpusError`.
    """
    root = folder / "mswc"
    for kind in ("splits", "audio"):
        archives = [RemoteFile(f"{ADDRESS}/{kind}/{language}.tar.gz") for language in config.languages]
        mirror = f"{config.mirror.rstrip('/')}/{kind}" if config.mirror else ""
        download_archives(archives, root / kind, mirror, on_progress)
    return root


def prepare_mswc(config: MswcCorpusConfig, root: Path) -> list[Recording]:
    """List the words that the table of splits names and, where it is listed nowhere, audio that it does not.

    Raises:
        CorpusError: a language is not there, or its table lacks a column.
        ConfigError: a word that none of the languages has is wanted.
    """
    recordings: list[Recording] = []
    found: set[str] = set()
    for language in config.languages:
        archive = f"{language}.tar.gz"
        tables = extracted(root / "splits", archive, f"mswc-{language}", ABOUT.licence)
        audio = extracted(root / "audio", archive, f"mswc-{language}", ABOUT.licence)
        recordings.extend(_language(config, language, tables, audio, found))
    for word in config.words:
        if word not in found:
            raise ConfigError(f"mswc has no word {word!r} in {', '.join(config.languages)}")
    return recordings


def _language(
    config: MswcCorpusConfig, language: str, tables: CorpusFiles, audio: CorpusFiles, found: set[str]
) -> Iterator[Recording]:
    clips = find_folder(audio.folder, ["clips"]) / "clips"
    prefix = f"{clips.relative_to(audio.folder).as_posix()}/"
    unlisted = {name for name in audio.audio() if name.startswith(prefix)}
    there = frozenset(unlisted)
    seen: set[str] = set()
    wanted = frozenset(config.words)
    for place, row in _rows(tables, language):
        if row is None:
            yield tables.problem(place, f"the row has not the columns {', '.join(COLUMNS)}")
            continue
        name, word = prefix + row["LINK"], row["WORD"]
        unlisted.discard(name)
        found.add(word)
        if (wanted and word not in wanted) or (config.valid_only and row["VALID"].strip().lower() != "true"):
            continue
        speaker = row["SPEAKER"] if row["SPEAKER"] not in ("", "NA") else ""
        if name not in there:
            yield tables.problem(place, f"there is no recording {row['LINK']!r}")
        elif name in seen:
            yield tables.problem(place, f"{row['LINK']} is listed twice")
        elif row["SET"] not in SPLITS:
            yield tables.problem(place, f"SET is {row['SET']!r}; {', '.join(SPLITS)} are accepted")
        elif not speaker:
            yield tables.problem(place, f"the speaker of {row['LINK']} is not known")
        else:
            seen.add(name)
            split = SPLITS[row["SET"]]
            speaker_id = common_voice_speaker(speaker)
            yield audio.recording(name, speaker_id=speaker_id, text=word, split=split, language=language)
    for name in sorted(unlisted):
        yield audio.problem(name, "no table lists it")


def _rows(tables: CorpusFiles, language: str) -> Iterator[tuple[str, dict[str, str] | None]]:
    names = [name for name in tables.names if name.endswith(f"{language}_splits.csv")]
    if not names:
        raise CorpusError(f"{tables.folder}: {language}_splits.csv is missing")
    lines = tables.lines(names[0])
    header = next(csv.reader(lines[:1]), [])
    for column in COLUMNS:
        if column not in header:
            found = ", ".join(header) or "no header"
            raise CorpusError(f"{tables.folder / names[0]}: column {column!r} is missing; it has {found}")
    for number, line in enumerate(lines[1:], start=2):
        values = next(csv.reader([line]), [])
        place = f"{names[0]} line {number}"
        yield place, dict(zip(header, values, strict=True)) if len(values) == len(header) else None
