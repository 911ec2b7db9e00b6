"""`kws presets` and `kws recipes`."""

import typer

from flows.preset_paths import PRESETS


def presets() -> None:
    """List the presets that come with the package."""
    for path in sorted(PRESETS.glob("*.yaml"), key=lambda path: path.stem):
        first = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        typer.echo(f"{path.stem:<10} {first}")


def recipes() -> None:
    """List the corpora that an experiment can name: language, size, licence and what they need."""
    from flows.recipes import print_recipes

    print_recipes()
