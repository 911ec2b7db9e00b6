"""Recipe `common_voice`: one language of Common Voice, from the archive that the user downloaded.

Source: Ardila et al., Common Voice: a massively-multilingual speech corpus (2020). Its publisher asks everyone to
accept terms before a download, so that there is none here.
"""

import hashlib
import json
from pathlib import Path

from kws_core.atomic_file import write_atomically
from kws_core.config import CommonVoiceCorpusConfig
from kws_core.corpora.corpus_files import CorpusFiles, find_folder
from kws_core.corpora.download import OnProgress
from kws_core.corpora.published_archives import extract_once, extracted, stem
from kws_core.corpora.recipe import About
from kws_core.corpora.recording import Recording
from kws_core.errors import CorpusError
from kws_core.fingerprint import fingerprint, sha256

ABOUT = About(
    title="Common Voice",
    language="over 100, one archive each",
    size="from 1 MB to 90 GB a language",
    licence="CC0-1.0",
    home="https://commonvoice.mozilla.org/datasets",
    needs="path: the archive of a language, or its folder",
)
SPLITS = {"train": "train", "dev": "development", "test": "test"}
COLUMNS = ("client_id", "path", "sentence")


def download_common_voice(config: CommonVoiceCorpusConfig, folder: Path, on_progress: OnProgress | None = None) -> Path:
    """Extract the user's archive below `folder`; returns the folder of the language, or `path` when it is a folder.

    Raises:
        CorpusError: `path` does not exist or cannot be extracted.
    """
    path = Path(config.path)
    if path.is_dir():
        return path
    if not path.is_file():
        raise CorpusError(f"{path}: there is no such archive or folder of Common Voice")
    digest = _archive_sha256(path, folder / "common_voice")
    # by content: another release under the same name is another corpus
    target = folder / "common_voice" / digest[:16]
    target.mkdir(parents=True, exist_ok=True)
    extract_once(path, target, digest)
    return target


def prepare_common_voice(config: CommonVoiceCorpusConfig, root: Path) -> list[Recording]:
    """List the clips of the tables wanted; the split is that of the table `train`, `dev` or `test` that has the clip.

    Raises:
        CorpusError: `root` holds no Common Voice, or not this language; a table wanted is missing.
    """
    files = _files(config, root)
    tables = {name.removesuffix(".tsv"): _rows(files, name) for name in files.names if _is_clip_table(files, name)}
    for wanted in config.tables:
        if wanted not in tables:
            found = ", ".join(f"{table}.tsv" for table in tables) or "none"
            raise CorpusError(f"{files.folder}: {wanted}.tsv is missing or lacks {', '.join(COLUMNS)}; it has {found}")
    splits = {clip: SPLITS[table] for table in SPLITS for _, clip, _ in tables.get(table, [])}
    there = frozenset(files.audio(".mp3", ".wav", ".flac", ".ogg", ".opus"))
    recordings: list[Recording] = []
    taken: set[str] = set()
    # the official tables first: others list their clips again
    for table in sorted(config.tables, key=lambda name: name not in SPLITS):
        for place, clip, row in tables[table]:
            again = clip in taken
            if again and table not in SPLITS:
                continue
            problem = f"{clip} is listed before" if again else _problem(clip, row, config.language, there)
            if problem:
                recordings.append(files.problem(place, problem))
            else:
                speaker, text = common_voice_speaker(row["client_id"]), row["sentence"]
                recordings.append(files.recording(clip, speaker_id=speaker, text=text, split=splits.get(clip, "")))
                taken.add(clip)
    listed = {clip for rows in tables.values() for _, clip, _ in rows}
    return [*recordings, *(files.problem(name, "no table lists it") for name in sorted(there - listed))]


def common_voice_speaker(client_id: str) -> str:
    """A short id of a contributor, who has the same one in every release and in Multilingual Spoken Words."""
    return f"cv-{sha256(client_id.encode())[:16]}"


def _files(config: CommonVoiceCorpusConfig, root: Path) -> CorpusFiles:
    path = Path(config.path)
    archive = path.is_file()
    found = extracted(root, path.name, "", "") if archive else None
    top = root if found is None else found.folder
    try:
        folder = find_folder(top, [f"{config.language}/clips"]) / config.language
    except CorpusError:
        folder = find_folder(top, ["clips"])
        if folder.name != config.language and folder != top:
            raise CorpusError(f"{path}: holds {folder.name}, not language {config.language!r}") from None
    title = f"common_voice-{config.language}"
    return CorpusFiles(folder, title, ABOUT.licence, found.checksum if found else "")


def _is_clip_table(files: CorpusFiles, name: str) -> bool:
    """Other tables, such as reported.tsv, list sentences."""
    return name.endswith(".tsv") and "/" not in name and set(COLUMNS) <= set((files.lines(name) or [""])[0].split("\t"))


def _rows(files: CorpusFiles, table: str) -> list[tuple[str, str, dict[str, str]]]:
    """Place, clip and cells of each row; no cells for one of another length than the header."""
    header, *lines = files.lines(table)
    columns = header.split("\t")
    rows = []
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        row = dict(zip(columns, cells, strict=True)) if len(cells) == len(columns) else {}
        rows.append((f"{table} line {number}", _clip(row.get("path", "")), row))
    return rows


def _problem(clip: str, row: dict[str, str], language: str, there: frozenset[str]) -> str:
    if not row:
        return "the row has not the columns of its header"
    if not row["client_id"]:
        return "client_id is empty"
    if row.get("locale", language) != language:
        return f"locale is {row['locale']!r}, not {language!r}"
    return "" if clip in there else f"there is no recording {clip!r}"


def _clip(path: str) -> str:
    """Name of a row's clip; the first releases leave its suffix out."""
    return f"clips/{path}" if "." in path else f"clips/{path}.mp3"


def _archive_sha256(archive: Path, folder: Path) -> str:
    """The archive's sha256, taken once as long as its size and time stay."""
    state = archive.stat()
    seen = {"size_bytes": state.st_size, "modified_ns": state.st_mtime_ns}
    record = folder / f"{stem(archive.name)}-{fingerprint(str(archive.absolute()))[:16]}.json"
    try:
        known = json.loads(record.read_bytes())
        if {name: known[name] for name in seen} == seen:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not hashed yet
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    write_atomically(record, json.dumps({**seen, "sha256": digest}).encode())
    return digest
