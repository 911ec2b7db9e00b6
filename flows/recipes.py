"""What `kws recipes` shows."""

import typer

from kws_core.corpora.recipes import RECIPES


def print_recipes() -> None:
    """List the recipes by name, each with what a person should know before it is used."""
    for name, recipe in sorted(RECIPES.items()):
        about = recipe.about
        rows: dict[str, str] = {
            "language": about.language,
            "size": about.size,
            "licence": about.licence,
            "needs": about.needs,
            "home": about.home,
        }
        typer.echo(f"{name}: {about.title}")
        for field, value in rows.items():
            if value:
                typer.echo(f"    {field:<9} {value}")
