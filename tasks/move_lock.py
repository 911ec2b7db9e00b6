"""One process at a time moves the aliases of a model: numbered tickets in the registry, which run out.

A ticket is a version of the model `NAME.moves`, which has no files. MLflow numbers versions in one transaction, so that
whoever has the lowest ticket moves, and nobody who comes later can be in front of them. A ticket that was not renewed
for `LEASE_S` by the registry's own clock belongs to a process that was killed: the next in line first completes what
that one had begun (the `INTENT_TAG` of its ticket), then removes it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kws_core.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

LEASE_S = 20.0
WAIT_S = 180.0
POLL_S = 0.3
INTENT_TAG = "kws.move"
_DESCRIPTION = "Tickets of processes that move aliases, one at a time; no models."


class Ticket:
    """The right to move the aliases of a model, for as long as it is renewed."""

    def __init__(self, client: "MlflowClient", name: str, number: str) -> None:
        """Hold a ticket that was drawn; use `only_mover`."""
        self._client = client
        self._name = name
        self.number = number
        self.committed = False

    def renew(self) -> int:
        """Say that its holder lives; returns the registry's time in milliseconds.

        Raises:
            RegistryError: it had run out, and another process took its place.
        """
        from mlflow.exceptions import MlflowException

        try:
            renewed = self._client.update_model_version(tickets_of(self._name), self.number, _DESCRIPTION)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise RegistryError(
                f"another process took over the move of {self._name}, because this one was silent for {LEASE_S:g} s; "
                "see kws history, and run it again if it is not there"
            ) from error
        return int(renewed.last_updated_timestamp)

    def commit(self, intent: str) -> None:
        """Write down what will be done: from here on it is completed, by this process or by the next."""
        self.renew()
        self._client.set_model_version_tag(tickets_of(self._name), self.number, INTENT_TAG, intent)
        self.committed = True

    def release(self) -> None:
        """Let the next one in."""
        self._client.delete_model_version(tickets_of(self._name), self.number)


def tickets_of(name: str) -> str:
    """The model whose versions are the tickets of another one."""
    return f"{name}.moves"


@contextmanager
def only_mover(client: "MlflowClient", name: str, complete: Callable[[str], None]) -> Iterator[Ticket]:
    """Wait for one's turn to move the aliases of a model.

    After an error behind `Ticket.commit` the ticket stays, so that the next process completes the move.

    Args:
        client: of the registry.
        name: of the model.
        complete: carries out the intent of a process that was killed; called before the block is entered.

    Raises:
        RegistryError: the turn did not come within `WAIT_S`.
    """
    ticket = _draw(client, name)
    try:
        _wait(client, name, ticket, complete)
        yield ticket
    except BaseException:
        if not ticket.committed:
            with suppress(Exception):  # it runs out by itself
                ticket.release()
        raise
    ticket.release()


def complete_left_behind(client: "MlflowClient", name: str, complete: Callable[[str], None]) -> None:
    """Complete the moves of processes that were killed; waits for those that live, and returns at once without any."""
    if _tickets(client, name):
        with only_mover(client, name, complete):
            pass


def _draw(client: "MlflowClient", name: str) -> Ticket:
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # it is there
        client.create_registered_model(tickets_of(name), description=_DESCRIPTION)
    drawn = client.create_model_version(tickets_of(name), "kws-foundry:/no-model", description=_DESCRIPTION)
    return Ticket(client, name, str(drawn.version))


def _wait(client: "MlflowClient", name: str, ticket: Ticket, complete: Callable[[str], None]) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        now_ms = ticket.renew()
        ahead = [other for other in _tickets(client, name) if int(other.version) < int(ticket.number)]
        # also what was renewed in the future: the registry's clock has gone back since, for who knows how long
        dead = [other for other in ahead if abs(now_ms - int(other.last_updated_timestamp)) > 1000 * LEASE_S]
        if len(dead) == len(ahead):
            break
        if time.monotonic() > deadline:
            raise RegistryError(f"other processes have moved the aliases of {name} for {WAIT_S:g} s; try it again")
        time.sleep(POLL_S)
    for other in dead:
        if INTENT_TAG in other.tags:
            complete(other.tags[INTENT_TAG])
        with suppress_missing():
            client.delete_model_version(tickets_of(name), str(other.version))
        ticket.renew()


def _tickets(client: "MlflowClient", name: str) -> list[Any]:
    found = client.search_model_versions(f"name='{tickets_of(name)}'")
    return sorted(found, key=lambda ticket: int(ticket.version))


@contextmanager
def suppress_missing() -> Iterator[None]:
    """Pass over what is gone already."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
