"""`kws evaluate` and `kws compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands.options import Settings, StoreUrl, TrackingUri, Workspace, experiment_and_places
from kws_core.errors import ConfigError

if TYPE_CHECKING:
    from kws_core.config import Experiment
    from tasks.places import Places

TABLE = ".tsv"
"""What the name of a list of recordings ends in."""
SpeakerPolicy = Annotated[str, typer.Option(help="Of recordings: cross, or any where one person said all.")]


def evaluate(
    model: Annotated[str, typer.Option(help="A bundle's folder, models:/NAME@ALIAS or universal.")],
    trials: Annotated[
        str, typer.Option(help="A preset's name, its YAML file, or a TSV `path speaker label` of recordings of words.")
    ],
    against: Annotated[str, typer.Option(help="Another model, judged beside it on the same trials.")] = "",
    out: Annotated[Path, typer.Option(help="The HTML page to write.")] = Path("evaluation.html"),
    workspace: Workspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    setting: Settings = None,
    speaker_policy: SpeakerPolicy = "",
) -> None:
    """Judge a model on the trials of a preset or on recordings of your own: one page, figures with intervals."""
    from flows import evaluate as evaluation

    if trials.endswith(TABLE):
        policy = _recordings_options(workspace, setting, speaker_policy)
        evaluation.evaluate_on_recordings(model, against, Path(trials), out, policy, tracking_uri)
        return
    places, experiment = _experiment_of_trials(trials, workspace, store, tracking_uri, setting, speaker_policy)
    evaluation.evaluate_on_experiment(model, against, places, experiment, out, tracking_uri)


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Bundles as for evaluate, google-speech-embedding, efficientword-net (of installed packages, or with "
            "=PATH), or .onnx files of PCM [batch, 16000]. All are set against the first."
        ),
    ],
    trials: Annotated[str, typer.Option(help="As for evaluate.")],
    out: Annotated[Path, typer.Option(help="The HTML page to write.")] = Path("comparison.html"),
    workspace: Workspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    setting: Settings = None,
    speaker_policy: SpeakerPolicy = "",
) -> None:
    """Put several systems, also foreign encoders, on the same trials: paired differences from the first."""
    from flows import evaluate as evaluation

    if trials.endswith(TABLE):
        policy = _recordings_options(workspace, setting, speaker_policy)
        evaluation.compare_on_recordings(models, Path(trials), out, policy, tracking_uri)
        return
    places, experiment = _experiment_of_trials(trials, workspace, store, tracking_uri, setting, speaker_policy)
    evaluation.compare_on_experiment(models, places, experiment, out, tracking_uri)


def _recordings_options(workspace: Path | None, setting: list[str] | None, policy: str) -> Literal["cross", "any"]:
    """The speaker policy of recordings; raises `ConfigError` for options that only an experiment has."""
    if workspace is not None or setting:
        raise ConfigError("--workspace and --set are for the trials of a preset, not for a TSV of recordings")
    if policy not in ("", "cross", "any"):
        raise ConfigError(f"--speaker-policy {policy!r} is unknown; cross and any are accepted")
    return "any" if policy == "any" else "cross"


def _experiment_of_trials(
    trials: str, workspace: Path | None, store: str, tracking_uri: str, setting: list[str] | None, policy: str
) -> "tuple[Places, Experiment]":
    """The preset whose trials are meant, and where it lies."""
    if policy:
        raise ConfigError("--speaker-policy is for recordings; of a preset it is --set selection.speaker_policy=…")
    experiment, places = experiment_and_places(trials, tuple(setting or ()), workspace, store, tracking_uri)
    return places, experiment
