"""Presets: experiments and studies as YAML files, with single values replaced from the command line."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from kws_core.config import Experiment, Section
from kws_core.errors import ConfigError

Settings = TypeVar("Settings", bound=Section)


def load_experiment(path: Path, overrides: tuple[str, ...] = ()) -> Experiment:
    """Read a preset of an experiment; see `load_settings`."""
    return load_settings(path, Experiment, overrides)


def load_settings(path: Path, settings: type[Settings], overrides: tuple[str, ...] = ()) -> Settings:
    """Read a preset and apply overrides such as `training.epochs=10`.

    Raises:
        ConfigError: the file, a key or a value is not accepted; the sentence names it.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"preset {path} does not exist") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"preset {path} cannot be read: {_one_line(error)}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"preset {path} must be a table of settings, not {type(document).__name__}")
    return build_settings(f"preset {path}", document, settings, overrides)


def build_settings(
    name: str, document: dict[str, Any], settings: type[Settings], overrides: tuple[str, ...] = ()
) -> Settings:
    """Check a table of settings after overrides such as `training.epochs=10`.

    Raises:
        ConfigError: a key or a value is not accepted; the sentence names it, after `name`.
    """
    for override in overrides:
        _apply(document, override)
    try:
        return settings.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{name}: {_describe(error)}") from error


def _apply(document: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"setting {override!r} must look like section.key=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"setting {override!r}: the value cannot be read: {_one_line(error)}") from error
    *sections, last = key.split(".")
    table = document
    for section in sections:
        if table.get(section) is None:  # absent, or a heading with nothing below it
            table[section] = {}
        table = table[section]
        if not isinstance(table, dict):
            raise ConfigError(f"setting {override!r}: {section!r} is a value, not a section")
    table[last] = value


def _describe(error: ValidationError) -> str:
    problems = []
    for problem in error.errors():
        field = ".".join(str(step) for step in problem["loc"]) or "experiment"
        if problem["type"] == "extra_forbidden":
            problems.append(f"key {field!r} is unknown")
        else:
            problems.append(f"{field}: {problem['msg']} (found {problem.get('input')!r:.80})")
    return "; ".join(problems)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
