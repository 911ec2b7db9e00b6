"""One member of a population on a Ray worker: trained for an interval of epochs, each kept on the store."""

import json
from collections.abc import Callable
from typing import Any

from kws_core.config import Experiment
from kws_core.errors import ConfigError, TrainingError
from kws_core.files import Files
from kws_core.population import Member
from tasks.places import Places
from tasks.search_space import ENCODER, drawn_trial
from tasks.search_trial import CHECKPOINT, HISTORY_FILE, epoch_record, fit_trial
from tasks.training_input import TrainingInput

History = list[dict[str, Any]]


class _IntervalEnd(Exception):
    """The interval is over; training goes on after the comparison."""


def train_member(
    places: Places,
    experiment: Experiment,
    given: TrainingInput,
    start: str,
    folder: str,
    member: Member,
    history: History,
    until: int,
) -> tuple[History, str]:
    """Train a member, or go on with it, until so many epochs are done.

    Epochs of a killed attempt are taken as they are; what the values cannot do is returned, so it is not tried again.

    Args:
        places: where the store is.
        experiment: the search.
        given: the training data.
        start: the bundle that training starts from, or empty.
        folder: of the search's state in the store.
        member: whom to train.
        history: records of the epochs that it goes on from, its parent's.
        until: the number of epochs in the end.

    Returns:
        The records of all epochs, and a sentence when it failed, else an empty one.
    """
    files, done = places.store().files, list(history)
    content = _checkpoint(files, folder, len(done), member.parent) if done else None
    for epoch in range(until, len(done), -1):
        place = member_folder(folder, epoch, member.number)
        if files.exists(f"{place}/{CHECKPOINT}"):  # written last
            content, done = files.read(f"{place}/{CHECKPOINT}"), json.loads(files.read(f"{place}/{HISTORY_FILE}"))
            break
    if len(done) >= until:
        return done, ""
    trial = member_trial(experiment, member)

    def keep(figures: Any, dump: Callable[[], bytes]) -> None:
        done.append(epoch_record(figures, trial))
        place = member_folder(folder, figures.epoch, member.number)
        files.write(f"{place}/{HISTORY_FILE}", json.dumps(done).encode())
        files.write(f"{place}/{CHECKPOINT}", dump())
        if figures.epoch >= until:
            raise _IntervalEnd

    try:
        fit_trial(trial, places, experiment, given, start, keep, content)
    except _IntervalEnd:
        pass
    except (ConfigError, TrainingError) as error:
        return done, str(error)
    return done, ""


def member_trial(experiment: Experiment, member: Member) -> dict[str, Any]:
    """A member in the form of a trial."""
    return drawn_trial(experiment, {**member.values, ENCODER: member.encoder})


def epoch_folder(epoch: int) -> str:
    """Folder of what all members wrote after an epoch, in the search's state."""
    return f"epoch-{epoch:05d}"


def member_folder(folder: str, epoch: int, number: int) -> str:
    """Folder of what a member wrote after an epoch, in the store."""
    return f"{folder}/{epoch_folder(epoch)}/trial-{number:03d}"


def _checkpoint(files: Files, folder: str, epoch: int, number: int) -> bytes:
    return files.read(f"{member_folder(folder, epoch, number)}/{CHECKPOINT}")
