"""`kws doctor`."""

from typing import Annotated

import typer

from flows.commands.options import StoreUrl, StoreWorkspace, TrackingUri


def doctor(
    preset: Annotated[str, typer.Option(help="A preset whose needs count, such as MFA and its models.")] = "",
    workspace: StoreWorkspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    timeout_s: Annotated[float, typer.Option(min=1, max=600, help="Seconds within which each must answer.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with all findings.")] = False,
) -> None:
    """Say what this machine and the servers it uses have and lack. Ends with 1 when something needed is not well."""
    from flows.doctor import print_findings

    if not print_findings(preset, workspace, store, tracking_uri, timeout_s, as_json):
        raise typer.Exit(1)
