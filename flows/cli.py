"""The `kws` command line."""

from flows.quiet import quieten

quieten()

import sys  # noqa: E402 - telemetry is off before anything else is imported
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Annotated, Literal  # noqa: E402

import typer  # noqa: E402

from kws_core.errors import ConfigError, KwsError  # noqa: E402

if TYPE_CHECKING:
    from kws_core.config import Experiment
    from tasks.places import Places

PRESETS = Path(__file__).parent / "presets"
TABLE = ".tsv"
"""What the name of a list of recordings ends in."""

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A keyword-spotting model factory."
)

Preset = Annotated[str, typer.Option(help="A preset's name (see `kws presets`) or the path of a YAML file.")]
Workspace = Annotated[
    Path | None, typer.Option(help="Folder for the report and the default store and registry [runs/NAME].")
]
TrackingUri = Annotated[
    str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow: sqlite:///… or a server's URL [in the workspace].")
]
StoreUrl = Annotated[str, typer.Option(envvar="KWS_STORE", help="A folder or s3://bucket/prefix [in the workspace].")]


def main() -> None:
    """Run a command; a user's mistake is one sentence on standard error and exit status 1."""
    try:
        app()
    except KwsError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


@app.command()
def retrain(
    preset: Preset,
    workspace: Workspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    far: Annotated[
        float | None, typer.Option(help="Share of non-targets that each keyword may accept; sets backends.far.")
    ] = None,
    max_false_alarms_per_hour: Annotated[
        float | None, typer.Option(help="In place of --far: false alarms of each keyword an hour.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value: section.key=value. May be repeated.")
    ] = None,
) -> None:
    """Recordings to a registered, gated keyword spotter. What exists already is not computed again."""
    from flows.summary import print_summary
    from kws_core.presets import load_experiment
    from tasks.places import Places

    settings = (*(setting or ()), *_wish(far, max_false_alarms_per_hour))
    experiment = load_experiment(preset_path(preset), settings)
    places = Places.in_workspace(workspace or Path("runs") / experiment.name, store, tracking_uri)
    places.store().check_writable()
    from flows.retrain import retrain as retrain_flow

    print_summary(places, experiment, retrain_flow(places, experiment))


@app.command()
def ingest(
    recipe: Annotated[str, typer.Option(help="What reads the recordings: manifest, librispeech and so on.")],
    drop: Annotated[str, typer.Option(help="Date of the drop: YYYY-MM or YYYY-MM-DD.")],
    corpus: Annotated[str, typer.Option(help="The corpus that it is added to; named as the recipe by default.")] = "",
    store: StoreUrl = "",
    workspace: Annotated[Path | None, typer.Option(help="Workspace of the retrains, whose store is meant.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the recipe (key=value), of ingest.… or rejection.…. May be repeated."),
    ] = None,
) -> None:
    """Add a dated drop of recordings to a corpus. Experiments read it by `recipe: ingested`."""
    from flows.drops import drop_config

    config = drop_config(corpus, drop, recipe, tuple(setting or ()))
    places = _store_places(store, workspace)
    places.store().check_writable()
    from flows.ingest import ingest_drop

    ingest_drop(places, config)


@app.command()
def drops(
    corpus: Annotated[str, typer.Argument(help="A corpus; all of them when left out.")] = "",
    store: StoreUrl = "",
    workspace: Annotated[Path | None, typer.Option(help="Workspace of the retrains, whose store is meant.")] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a drop, with its settings.")] = False,
) -> None:
    """List the drops of the corpora in a store."""
    from flows.drops import print_drops

    print_drops(_store_places(store, workspace).store(), corpus, json_lines)


@app.command()
def align(
    preset: Preset,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare two aligners, or one and a TSV `path index word start_s end_s`."),
    ] = None,
    workspace: Workspace = None,
    store: StoreUrl = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value: section.key=value. May be repeated.")
    ] = None,
) -> None:
    """Recordings to aligned words, or how far the word boundaries of two aligners lie apart."""
    from kws_core.presets import load_experiment
    from tasks.places import Places

    experiment = load_experiment(preset_path(preset), tuple(setting or ()))
    places = Places.in_workspace(workspace or Path("runs") / experiment.name, store)
    places.store().check_writable()
    from flows.compare_aligners import align_corpora, compare_aligners

    if compare:
        typer.echo(compare_aligners(places, experiment, *compare))
    else:
        typer.echo(align_corpora(places, experiment))


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="huh2020, ma2019, arora2019 or alignment_gate.")],
    workspace: Workspace = None,
    store: StoreUrl = "",
    tracking_uri: TrackingUri = "",
    preset: Annotated[Path | None, typer.Option(help="A YAML file in place of the study's own preset.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds of every method, in place of the preset's.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value: section.key=value. May be repeated.")
    ] = None,
) -> None:
    """Repeat a paper's comparison: one table with intervals. Cells that are finished are not computed again."""
    from kws_core.presets import load_settings
    from kws_core.studies import find_study
    from tasks.places import Places

    settings = (*(setting or ()), *((f"seeds={seeds}",) if seeds else ()))
    config = load_settings(preset or PRESETS / "studies" / f"{name}.yaml", find_study(name).config_type, settings)
    places = Places.in_workspace(workspace or Path("runs") / name, store, tracking_uri)
    places.store().check_writable()
    from flows.study import study as study_flow

    outcome = study_flow(places, name, config)
    typer.echo(outcome.text)
    typer.echo(f"{outcome.csv}\n{outcome.page}")


@app.command()
def spot(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of any common format and length.")],
    model: Annotated[str, typer.Option(help="A bundle's folder, models:/NAME@champion or universal.")],
    tracking_uri: TrackingUri = "",
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a detection.")] = False,
) -> None:
    """Find keywords in recordings: keyword, start, end and score of each detection."""
    from flows.spot import print_detections

    print_detections(recordings, model, tracking_uri, json_lines)


@app.command()
def enrol(
    keyword: Annotated[str, typer.Argument(help="What the recordings say.")],
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of the keyword alone, three or more at best.")],
    bundle: Annotated[str, typer.Option(help="universal, a bundle's folder or models:/NAME@ALIAS.")] = "universal",
    out: Annotated[Path, typer.Option(help="Folder of the new bundle; that of --bundle to add to it.")] = Path(
        "enrolled"
    ),
    far: Annotated[
        float | None, typer.Option(help="Share of other words that may be taken for the keyword [0.001].")
    ] = None,
    max_false_alarms_per_hour: Annotated[
        float | None, typer.Option(help="In place of --far: false alarms an hour in the recordings of --without.")
    ] = None,
    without: Annotated[
        list[Path] | None, typer.Option(help="A recording, or a folder of them, without the keyword. May be repeated.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Learn a keyword anew that the bundle has.")] = False,
    tracking_uri: TrackingUri = "",
) -> None:
    """Add a keyword to a bundle by recordings of it, without training."""
    from flows.enrol import enrol_keyword

    wish = far, max_false_alarms_per_hour, without or []
    enrol_keyword(keyword, recordings, bundle, out, *wish, replace, tracking_uri)


@app.command()
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
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value of the preset: section.key=value. Repeatable.")
    ] = None,
    speaker_policy: Annotated[str, typer.Option(help="Of recordings: cross, or any where one person said all.")] = "",
) -> None:
    """Judge a model on the trials of a preset or on recordings of your own: one page, figures with intervals."""
    from flows import evaluate as evaluation

    if trials.endswith(TABLE):
        policy = _recordings_options(workspace, setting, speaker_policy)
        evaluation.evaluate_on_recordings(model, against, Path(trials), out, policy, tracking_uri)
        return
    places, experiment = _experiment_of_trials(trials, workspace, store, tracking_uri, setting, speaker_policy)
    evaluation.evaluate_on_experiment(model, against, places, experiment, out, tracking_uri)


@app.command()
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
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Replace a value of the preset: section.key=value. Repeatable.")
    ] = None,
    speaker_policy: Annotated[str, typer.Option(help="Of recordings: cross, or any where one person said all.")] = "",
) -> None:
    """Put several systems, also foreign encoders, on the same trials: paired differences from the first."""
    from flows import evaluate as evaluation

    if trials.endswith(TABLE):
        policy = _recordings_options(workspace, setting, speaker_policy)
        evaluation.compare_on_recordings(models, Path(trials), out, policy, tracking_uri)
        return
    places, experiment = _experiment_of_trials(trials, workspace, store, tracking_uri, setting, speaker_policy)
    evaluation.compare_on_experiment(models, places, experiment, out, tracking_uri)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="The registered model: the `name` of its preset.")],
    tracking_uri: TrackingUri = "",
) -> None:
    """Put the previous champion back into service."""
    from flows.spot import registry_of
    from tasks import registry

    client = registry.client(tracking_uri or registry_of(name))
    served, now = registry.roll_back(client, name)
    typer.echo(f"{name}: version {now} is champion again, version {served} is `previous`")


@app.command()
def presets() -> None:
    """List the presets that come with the package."""
    for path in sorted(PRESETS.glob("*.yaml"), key=lambda path: path.stem):
        first = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        typer.echo(f"{path.stem:<10} {first}")


@app.command()
def recipes() -> None:
    """List the corpora that an experiment can name: language, size, licence and what they need."""
    from flows.recipes import print_recipes

    print_recipes()


@app.command()
def demo_recording(
    path: Annotated[Path, typer.Argument(help="The WAV file to write.")],
    seed: Annotated[int, typer.Option(help="Another seed, another recording.")] = 0,
) -> None:
    """Write a recording by a synthetic voice that no demo corpus holds, to try `kws spot` on."""
    from flows.demo_recording import write_demo_recording

    write_demo_recording(path, seed)


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
    from kws_core.presets import load_experiment
    from tasks.places import Places

    if policy:
        raise ConfigError("--speaker-policy is for recordings; of a preset it is --set selection.speaker_policy=…")
    experiment = load_experiment(preset_path(trials), tuple(setting or ()))
    places = Places.in_workspace(workspace or Path("runs") / experiment.name, store, tracking_uri)
    places.store().check_writable()
    return places, experiment


def _wish(far: float | None, max_false_alarms_per_hour: float | None) -> tuple[str, ...]:
    """Settings of the operating point: the one that is stated takes the place of the preset's."""
    wishes = {"far": far, "max_false_alarms_per_hour": max_false_alarms_per_hour}
    if far is None and max_false_alarms_per_hour is None:
        return ()
    return tuple(f"backends.{name}={'null' if value is None else repr(value)}" for name, value in wishes.items())


def _store_places(store: str, workspace: Path | None) -> "Places":
    """Places of a command that only needs the store; raises `ConfigError` when nothing says which one."""
    from tasks.places import Places

    if not store and workspace is None:
        raise ConfigError("no store is named: give --store or --workspace, or set KWS_STORE, as for the retrains")
    return Places.in_workspace(workspace or Path("runs"), store)


def preset_path(preset: str) -> Path:
    """The YAML file of a preset; raises `ConfigError` naming those that exist."""
    if preset.endswith((".yaml", ".yml")):
        return Path(preset)
    path = PRESETS / f"{preset}.yaml"
    if not path.exists():
        known = ", ".join(sorted(found.stem for found in PRESETS.glob("*.yaml")))
        raise ConfigError(f"preset {preset!r} is unknown; {known} or the path of a YAML file are accepted")
    return path
