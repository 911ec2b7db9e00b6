"""One sentence where Ray's native code ends a command, as it does when its cluster's head is lost or restarted.

Ray then aborts the process from a thread of its own, with a stack trace of C++, and nothing in the process can say a
word. So a command that uses a cluster runs in a child, and its parent does nothing but wait.
"""

import os
import signal
import sys
import threading

from flows.commands.align import align
from flows.commands.evaluate import compare, evaluate
from flows.commands.feedback import feedback
from flows.commands.ingest import ingest
from flows.commands.retrain import retrain
from flows.commands.study import study

ON_RAY = frozenset(command.__name__ for command in (align, compare, evaluate, feedback, ingest, retrain, study))
ABORTED = (signal.SIGABRT, signal.SIGSEGV)


def say_when_aborted(arguments: list[str]) -> None:
    """Return in a child of this process where the command uses a cluster that is there already, else in itself.

    The parent passes signals on, and ends as the child does. `arguments` are those of the command line.
    """
    address = os.environ.get("RAY_ADDRESS", "local")
    if address == "local" or not arguments or arguments[0] not in ON_RAY:
        return
    watched, held = os.pipe()
    child = os.fork()
    if not child:
        os.close(held)
        threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()
        return
    os.close(watched)
    _wait(child, address)


def _wait(child: int, address: str) -> None:
    """Until the child has ended; then end as it did."""

    def pass_on(number: int, _: object) -> None:
        os.kill(child, number)

    # Ctrl-C reaches both by itself
    signal.signal(signal.SIGINT, signal.SIG_IGN if sys.stdin.isatty() else pass_on)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(os.WEXITSTATUS(status))
    ended_by = signal.Signals(os.WTERMSIG(status))
    if ended_by in ABORTED:
        from tasks.console import say_error

        say_error(
            f"Ray ended this command ({ended_by.name}), as it does when the head of the cluster at {address} "
            "is lost or was restarted; what was finished is kept: run it again when `kws doctor` finds the cluster"
        )
        sys.exit(1)
    signal.signal(ended_by, signal.SIG_DFL)
    os.kill(os.getpid(), ended_by)


def _end_with_parent(watched: int) -> None:
    """A parent that is killed leaves nothing at work."""
    os.read(watched, 1)
    os.kill(os.getpid(), signal.SIGTERM)
