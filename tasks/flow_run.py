"""The Prefect flow run that this code is a part of, if it is."""

import sys
from typing import Any


def flow_run_id() -> str:
    """Its id; empty outside of a flow run, where Prefect is not even imported."""
    context: Any = getattr(sys.modules.get("prefect.context"), "FlowRunContext", None)
    current = context.get() if context is not None else None
    flow_run = getattr(current, "flow_run", None)
    return "" if flow_run is None else str(flow_run.id)
