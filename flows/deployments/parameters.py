"""Parameters that several deployments share, as Prefect's form shows and checks them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar, get_args, get_type_hints

from pydantic import Field
from pydantic.fields import FieldInfo

from kws_core.config import Experiment
from kws_core.config.corpora.ingested import DropId

if TYPE_CHECKING:
    from tasks.places import Places

P = ParamSpec("P")
R = TypeVar("R")

Preset = Annotated[
    str, Field(min_length=1, description="A preset's name (kws presets) or the path of a YAML file on the worker.")
]
Settings = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*=")]],
    Field(description="Values that replace the preset's, each as section.key=value."),
]
StoreUrl = Annotated[str, Field(description="A folder or s3://bucket/prefix; KWS_STORE or the workspace by default.")]
TrackingUri = Annotated[
    str, Field(description="MLflow: sqlite:///… or a server's URL; MLFLOW_TRACKING_URI or the workspace by default.")
]
Workspace = Annotated[
    str, Field(description="Folder of the worker for the report and the default store and registry [runs/NAME].")
]
Name = Annotated[
    str,
    Field(
        pattern=next(rule.pattern for rule in Experiment.model_fields["name"].metadata if hasattr(rule, "pattern")),
        description="The registered model: the name of its preset.",
    ),
]
Drop = Annotated[
    DropId | None, Field(description="Date of the drop, YYYY-MM or YYYY-MM-DD; the day of the run if none.")
]
Reason = Annotated[str, Field(description="Why, for the decision that is recorded.")]


def described(function: Callable[P, R]) -> Callable[P, R]:
    """Add the descriptions of a function's parameters to its docstring, where alone Prefect's form looks for them."""
    lines = []
    for name, hint in get_type_hints(function, include_extras=True).items():
        told = [field.description for field in get_args(hint)[1:] if isinstance(field, FieldInfo) and field.description]
        lines += [f"    {name}: {told[0]}"] if told else []
    function.__doc__ = "\n".join([function.__doc__ or "", "", "Args:", *lines])
    return function


def prepare(
    preset: str, settings: list[str], store: str, tracking_uri: str, workspace: str
) -> "tuple[Experiment, Places]":
    """The experiment and its places, as the `kws` commands have them; raises as they do."""
    import os

    from flows.commands.options import experiment_and_places

    return experiment_and_places(
        preset,
        tuple(settings),
        Path(workspace) if workspace else None,
        store or os.environ.get("KWS_STORE", ""),
        tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", ""),
    )
