"""The science and the data contracts of kws-foundry: no orchestrator, no cluster, no tracker.

`from kws_core import Spotter` is all that a model in service needs.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kws_core.spotter import Spotter

__all__ = ["Spotter"]


def __getattr__(name: str) -> Any:
    # Importing a module of the package must not load a spotter.
    if name == "Spotter":
        from kws_core.spotter import Spotter

        return Spotter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
