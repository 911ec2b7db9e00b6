"""Writing and deleting objects: a reader sees each complete or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kws_core.atomic_file import create_atomically, temporary_name, write_atomically
from kws_core.files.root import Root, one_line, store_error


class Writes(Root):
    """Objects under a root as they are written: under a temporary name and renamed locally, one put on S3."""

    def write(self, name: str, content: bytes) -> None:
        """Write the object atomically: a temporary name and a rename locally, one put on S3.

        Raises:
            StoreError: the store refuses the write.
        """
        try:
            if self._local:
                write_atomically(Path(self.path(name)), content)
            else:
                self._filesystem.pipe_file(self.path(name), content)
        except self._refusals as error:
            raise self._unwritable(name, error) from error

    @contextmanager
    def writer(self, name: str) -> Iterator[BinaryIO]:
        """A local file to write to, which becomes the object when the block ends; nothing is left when it raises.

        Raises:
            StoreError: the file or the store refuses the write.
        """
        folder: Path | None = None
        temporary: Path | None = None
        try:
            if self._local:
                temporary = temporary_name(Path(self.path(name)))
            else:
                folder = Path(tempfile.mkdtemp(prefix="kws-part-"))
                temporary = folder / "object"
            with temporary.open("wb") as file:
                yield file
                file.flush()
                if self._local:
                    os.fsync(file.fileno())
            if self._local:
                temporary.replace(self.path(name))
            else:
                # streamed in pieces, which S3 joins to one object at the end
                self._filesystem.put_file(str(temporary), self.path(name))
        except self._refusals as error:
            raise self._unwritable(name, error) from error
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            elif temporary is not None:
                temporary.unlink(missing_ok=True)

    def create(self, name: str, content: bytes) -> bool:
        """Write the object unless it exists; False when it does. Of several writers at once only one succeeds.

        Locally this is a hard link to a finished temporary file, on S3 a conditional put (`If-None-Match`).

        Raises:
            StoreError: the store refuses the write.
        """
        try:
            if self._local:
                create_atomically(Path(self.path(name)), content)
            else:
                self._filesystem.pipe_file(self.path(name), content, mode="create")
        except FileExistsError:
            return False
        except self._refusals as error:
            # S3 answers 409 while another conditional put of the same name is under way
            if "ConditionalRequestConflict" in repr(error.__cause__ or error):
                return False
            raise self._unwritable(name, error) from error
        return True

    def remove(self, names: list[str]) -> None:
        """Delete objects, a thousand a request on S3; one that is gone already is no error.

        Raises:
            StoreError: the store refuses it.
        """
        try:
            if self._local:
                for name in names:
                    with suppress(FileNotFoundError):
                        Path(self.path(name)).unlink()
            elif names:
                self._filesystem.rm([self.path(name) for name in names])
        except FileNotFoundError:
            if len(names) > 1:  # which one it was is not told
                for name in names:
                    self.remove([name])
        except self._refusals as error:
            first = f"{names[0]}, one of {len(names)}" if len(names) > 1 else names[0]
            raise store_error(f"store {self.root!r} refuses to delete ({first}): {one_line(error)}", error) from error
