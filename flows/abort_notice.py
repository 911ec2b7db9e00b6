"""One sentence where Ray's native code ends a command, as it does when its cluster's head is lost or restarted.

Ray then aborts or exits the process from a thread of its own, with a stack trace of C++, and nothing in the process can
say a word. So a command that uses a cluster runs in a child, and its parent does nothing but wait.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from flows.commands.align import align
from flows.commands.evaluate import compare, evaluate
from flows.commands.feedback import feedback
from flows.commands.ingest import ingest
from flows.commands.retrain import retrain
from flows.commands.study import study
from tasks.cluster_watch import end_watch, head_is_lost, leave_it_to_the_parent

ON_RAY = frozenset(command.__name__ for command in (align, compare, evaluate, feedback, ingest, retrain, study))
ABORTED = (signal.SIGABRT, signal.SIGSEGV)


def say_when_aborted(arguments: list[str]) -> Callable[[], None]:
    """Return in a child of this process where the command uses a cluster that is there already, else in itself.

    The parent passes signals on, and ends as the child does.

    Args:
        arguments: those of the command line.

    Returns:
        What is to be called when the command has come to its end by itself, well or not.
    """
    address = os.environ.get("RAY_ADDRESS", "local")
    if address == "local" or not arguments or arguments[0] not in ON_RAY:
        return lambda: None
    watched, held = os.pipe()
    heard, told = os.pipe()
    child = os.fork()
    if child:
        os.close(watched)
        os.close(told)
        _wait(child, heard, address)
    os.close(held)
    os.close(heard)
    leave_it_to_the_parent()
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()

    def end() -> None:
        end_watch()
        os.write(told, b"e")

    return end


def _wait(child: int, heard: int, address: str) -> NoReturn:
    """Until the child has ended; then end as it did."""

    def pass_on(number: int, _: object) -> None:
        os.kill(child, number)

    # Ctrl-C reaches both by itself
    signal.signal(signal.SIGINT, signal.SIG_IGN if sys.stdin.isatty() else pass_on)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    _, status = os.waitpid(child, 0)
    signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if signalled in ABORTED or not (signalled or _came_to_its_end(heard)):
        from tasks.console import say_error

        say_error(head_is_lost(address))
        sys.exit(1)
    if signalled:
        signal.signal(signalled, signal.SIG_DFL)
        os.kill(os.getpid(), signalled)
    sys.exit(os.WEXITSTATUS(status))


def _came_to_its_end(heard: int) -> bool:
    """Whether the child has said so; Ray's code exits without that, with a status like any other."""
    os.set_blocking(heard, False)  # a grandchild may hold the other end
    try:
        return bool(os.read(heard, 1))
    except BlockingIOError:
        return False


def _end_with_parent(watched: int) -> None:
    """A parent that is killed leaves nothing at work."""
    os.read(watched, 1)
    os.kill(os.getpid(), signal.SIGTERM)
