"""The files of one corpus on disk, and recordings made of them."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kws_core.audio import RawFormat
from kws_core.corpora.recording import Recording
from kws_core.errors import CorpusError
from kws_core.fingerprint import fingerprint

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".sph", ".raw")


@dataclass(frozen=True)
class CorpusFiles:
    """A folder of a corpus: listed once, read by names relative to it."""

    folder: Path
    title: str
    """First part of every recording's source, such as `speech_commands-0.02`."""
    licence: str
    checksum: str = ""
    """Of the archive that the folder was extracted from, which tells its files apart without reading them; ""
    where the files lie loose, so that each is hashed."""
    use: str = ""
    """`noise` where the recordings serve as noise: those are other utterances."""

    @cached_property
    def names(self) -> list[str]:
        """All files, sorted, with `/` between folders; those of hidden folders and hidden files are left out.

        Raises:
            CorpusError: the folder cannot be listed.
        """
        found: list[str] = []

        def refuse(error: OSError) -> None:
            raise CorpusError(f"{self.folder}: cannot be listed: {error.strerror or error}") from error

        for folder, folders, files in os.walk(self.folder, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(folder).relative_to(self.folder)
            found.extend((below / name).as_posix() for name in files if not name.startswith("."))
        return sorted(found)

    def audio(self, *suffixes: str) -> list[str]:
        """Names that end in one of the suffixes, of any audio file when none is given, in upper or lower case."""
        endings = suffixes or AUDIO_SUFFIXES
        return [name for name in self.names if name.lower().endswith(endings)]

    def lines(self, name: str) -> list[str]:
        """Lines of a text file without their ends, empty ones included.

        Raises:
            CorpusError: it is missing, unreadable or not UTF-8.
        """
        path = self.folder / name
        try:
            # not splitlines(): a transcript may hold a Unicode line separator
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path}: is not UTF-8 (byte {error.start})") from error
        except OSError as error:
            raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from error
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        return lines[:-1] if lines[-1] == "" else lines

    def recording(
        self,
        name: str,
        *,
        speaker_id: str,
        text: str,
        split: str = "",
        language: str = "",
        raw: RawFormat | None = None,
    ) -> Recording:
        """One file as a recording; `raw` tells what a headerless file does not say."""
        path = self.folder / name
        content, size = self._content(name, path)
        source = f"{self.title}/{name}"
        use = (self.use,) if self.use else ()
        return Recording(
            speaker_id=speaker_id,
            text=text,
            source=source,
            licence=self.licence,
            location=str(path.absolute()),
            digest=fingerprint(content, speaker_id, text, source, self.licence, split, language, *use),
            size_bytes=size,
            split=split,
            language=language,
            raw=raw,
        )

    def problem(self, name: str, reason: str, speaker_id: str = "") -> Recording:
        """A file, or a line of a table, that is no usable recording; it goes to quarantine with the reason."""
        source = f"{self.title}/{name}"
        return Recording(
            speaker_id=speaker_id,
            text="",
            source=source,
            licence=self.licence,
            location="",
            digest=fingerprint("problem", source, reason),
            size_bytes=0,
            problem=reason,
        )

    def _content(self, name: str, path: Path) -> tuple[str, int]:
        try:
            size = path.stat().st_size
            if self.checksum:
                return fingerprint(self.checksum, name), size
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest(), size
        except OSError:
            return "unreadable", 0  # quarantined when it is read


def find_folder(root: Path, holds: Iterable[str], deepest: int = 3) -> Path:
    """The folder at or below `root` that holds all the given files or folders, nearest to it and first by name.

    Raises:
        CorpusError: there is none.
    """
    wanted = tuple(holds)
    level = [root]
    for _ in range(deepest + 1):
        for folder in level:
            if all((folder / name).exists() for name in wanted):
                return folder
        level = sorted(below for folder in level if folder.is_dir() for below in folder.iterdir() if below.is_dir())
    raise CorpusError(f"{root}: no folder in it holds {' and '.join(wanted)}, as this corpus does")
