"""Names of official splits."""

_NAMES = {
    "": "",
    "train": "train",
    "training": "train",
    "dev": "development",
    "development": "development",
    "val": "development",
    "valid": "development",
    "validation": "development",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}


def official_split(name: str) -> str | None:
    """`train`, `development` or `test` for the usual names of each, "" for no name; None for any other name."""
    return _NAMES.get(name.strip().lower())
