"""Listing objects: by name, with size and age, or one folder deep."""

from dataclasses import dataclass
from typing import Any

from kws_core.files.root import Root


@dataclass(frozen=True)
class Details:
    """What a listing says of an object."""

    size_bytes: int
    modified_s: float
    """Seconds since 1970, by the clock of the store."""


class Listings(Root):
    """Objects under a root as they are found: nothing listed is remembered."""

    def names(self, folder: str) -> list[str]:
        """Names of all objects below a folder, sorted; what other programs write on S3 to mark a folder is none."""
        if not self.exists(folder):
            return []
        try:
            found = self._filesystem.find(self.path(folder))
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return sorted(str(path)[len(self._base) + 1 :] for path in found if not str(path).endswith("/"))

    def details(self, folder: str) -> dict[str, Details]:
        """Size and age of all objects below a folder, by name; also of what killed writes left under other names."""
        try:
            found = self._filesystem.find(self.path(folder), detail=True)
        except FileNotFoundError:
            return {}
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return {
            str(path)[len(self._base) + 1 :]: Details(int(fact["size"]), _modified_s(fact))
            for path, fact in found.items()
            if not str(path).endswith("/")
        }

    def children(self, folder: str) -> set[str]:
        """Names directly in a folder, without its own: a thousand a request on S3. Empty where there is none."""
        try:
            found = self._filesystem.ls(self.path(folder), detail=False)
        except FileNotFoundError:
            return set()
        except self._refusals as error:
            raise self._unreadable(folder, error) from error
        return {str(path).rpartition("/")[2] for path in found}


def _modified_s(fact: dict[str, Any]) -> float:
    """When an object was written, of what a file system says of it."""
    moment: Any = fact.get("mtime", fact.get("LastModified"))
    return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)
