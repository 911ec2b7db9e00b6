"""What a stage leaves to be read: noted while it runs, wherever that is, and shown in Prefect when it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from kws_core.manifest import Manifest
from kws_core.store import Store


@dataclass(frozen=True)
class MadeDataset:
    """A dataset that a stage made, or found."""

    store: Store
    manifest: Manifest
    computed: int
    """How many of its parts were missing."""
    seconds: float


@dataclass
class StageRecord:
    """Notes of one run of a stage."""

    stage: str
    experiment: str
    began: float = field(default_factory=time.monotonic)
    datasets: list[MadeDataset] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    """What the stage said on the terminal, each with what it is about, but for the figures of its datasets."""
    links: dict[str, str] = field(default_factory=dict)
    """Addresses by what they are called, or the text of what has none."""
    worked: bool = False
    """Whether something was computed that takes long."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What ends with the stage, however that ends."""

    @property
    def seconds(self) -> float:
        """How long the stage has been running."""
        return time.monotonic() - self.began


_current: ContextVar[StageRecord | None] = ContextVar("kws_stage_record", default=None)


def current_record() -> StageRecord | None:
    """The notes of the stage that runs here; None outside of one, and where one is called by itself."""
    return _current.get()


@contextmanager
def record_stage(
    stage: str, experiment: str, publish: Callable[[StageRecord, Exception | None], None]
) -> Iterator[StageRecord]:
    """Take notes while a stage runs, and publish them when it ends or fails; not when it is cancelled."""
    record = StageRecord(stage, experiment)
    token = _current.set(record)
    try:
        with record.closing:
            yield record
    except Exception as error:
        publish(record, error)
        raise
    else:
        publish(record, None)
    finally:
        _current.reset(token)


def note_dataset(store: Store, manifest: Manifest, computed: int, seconds: float) -> None:
    """Note a dataset of the stage that runs here, if one does."""
    record = _current.get()
    if record is not None:
        record.datasets.append(MadeDataset(store, manifest, computed, seconds))


def note_line(label: str, text: str) -> None:
    """Note a sentence of the stage that runs here, if one does, and what it is about."""
    record = _current.get()
    if record is not None:
        record.lines.append((label, text))


def note_link(name: str, address: str) -> None:
    """Note where something lies that the stage that runs here made or uses; an empty address is left out."""
    record = _current.get()
    if record is not None and address:
        record.links[name] = address
