"""The `kws` command line."""

from flows.quiet import quieten

quieten()

import sys  # noqa: E402 - telemetry is off before anything else is imported
from typing import NoReturn  # noqa: E402

import typer  # noqa: E402

from flows.abort_notice import say_when_aborted  # noqa: E402
from flows.commands.align import align  # noqa: E402
from flows.commands.demo_recording import demo_recording  # noqa: E402
from flows.commands.doctor import doctor  # noqa: E402
from flows.commands.drops import drops  # noqa: E402
from flows.commands.enrol import enrol  # noqa: E402
from flows.commands.evaluate import compare, evaluate  # noqa: E402
from flows.commands.export import export  # noqa: E402
from flows.commands.feedback import feedback  # noqa: E402
from flows.commands.gc import gc  # noqa: E402
from flows.commands.history import history  # noqa: E402
from flows.commands.ingest import ingest  # noqa: E402
from flows.commands.listen import listen  # noqa: E402
from flows.commands.listings import presets, recipes  # noqa: E402
from flows.commands.promote import promote  # noqa: E402
from flows.commands.retrain import retrain  # noqa: E402
from flows.commands.rollback import rollback  # noqa: E402
from flows.commands.serve import serve  # noqa: E402
from flows.commands.spot import spot  # noqa: E402
from flows.commands.status import status  # noqa: E402
from flows.commands.study import study  # noqa: E402
from kws_core.errors import KwsError  # noqa: E402

COMMANDS = (
    retrain,
    ingest,
    feedback,
    drops,
    align,
    study,
    spot,
    listen,
    serve,
    enrol,
    evaluate,
    compare,
    promote,
    rollback,
    history,
    export,
    status,
    doctor,
    gc,
    presets,
    recipes,
    demo_recording,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A keyword-spotting model factory."
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run a command; a user's mistake is one sentence on standard error and exit status 1."""
    end = say_when_aborted(sys.argv[1:])
    try:
        app()
    except KwsError as error:
        _end(str(error))
    except Exception as error:
        from tasks.registry import trouble

        if not trouble(error):
            raise
        _end(trouble(error))
    finally:
        end()


def _end(sentence: str) -> NoReturn:
    from tasks.console import say_error

    say_error(sentence)
    sys.exit(1)
