"""The README's commands exist: `make` targets, `kws` commands and every option of theirs."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from flows.cli import app
from kws_core.config import Experiment

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(program: str) -> list[list[str]]:
    """Lines of the README's blocks that call a program, as words."""
    found = re.findall(rf"^(?:    |\$ )(?:[\w./*-]*/)?{program} (.*)$", README, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in found]


@pytest.mark.parametrize("words", commands("kws"), ids=" ".join)
def test_kws_commands_parse(words):
    group = typer.main.get_command(app)
    name, command, rest = group.resolve_command(group.make_context("kws", list(words), resilient_parsing=True), words)
    context = command.make_context(name, list(rest))
    assert context.info_name == words[0]


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {word for words in commands("make") for word in words}
    assert {"demo", "test", "lint", "types"} <= named
    assert named <= targets


def test_named_files_and_settings_exist():
    for path in re.findall(r"`((?:kws_core|flows|tasks|tests|\.ci)/[\w./]*)`", README):
        assert (ROOT / path).exists(), path
    sections = Experiment.model_fields
    for section, key in re.findall(r"`([a-z]+)\.([a-z_]+)`", README):
        if section in sections:
            assert key in sections[section].annotation.model_fields, f"{section}.{key}"


def test_the_example_preset_is_an_experiment(tmp_path):
    from kws_core.presets import load_experiment

    (text,) = re.findall(r"```yaml\n# my.yaml\n(.*?)```", README, re.DOTALL)
    preset = tmp_path / "my.yaml"
    preset.write_text(text, encoding="utf-8")
    assert load_experiment(preset).name == "my-keywords"


def test_nothing_is_left_to_fill_in():
    assert not re.findall("@@[A-Z]+@@", README)
