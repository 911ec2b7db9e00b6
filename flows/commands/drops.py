"""`kws drops`."""

from typing import Annotated

import typer

from flows.commands.options import StoreUrl, StoreWorkspace, store_places


def drops(
    corpus: Annotated[str, typer.Argument(help="A corpus; all of them when left out.")] = "",
    store: StoreUrl = "",
    workspace: StoreWorkspace = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a drop, with its settings.")] = False,
) -> None:
    """List the drops of the corpora in a store."""
    from flows.drops import print_drops

    print_drops(store_places(store, workspace).store(), corpus, json_lines)
