from pathlib import Path

import pytest

from kws_core.config import Uniform
from kws_core.errors import ConfigError
from kws_core.presets import load_experiment

PRESETS = sorted((Path(__file__).parents[2] / "flows" / "presets").glob("*.yaml"))
SMALL = "name: small\ncorpora:\n  demo:\n    recipe: demo\nselection:\n  keywords: [go]\n"


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_of_the_package_load(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.name == path.stem
    assert bool(experiment.selection.keywords) == (experiment.purpose == "keywords")


def test_there_are_presets() -> None:
    assert {path.stem for path in PRESETS} >= {"demo", "speech"}


def test_overrides_replace_single_values(preset: Path) -> None:
    experiment = load_experiment(
        preset,
        (
            "training.epochs=3",
            "corpora.demo.speakers=7",
            "selection.keywords=[stop, music]",
            "name=other",
            "search.space.loss.margin={low: 0.1, high: 0.2}",
            "training.epochs=4",
        ),
    )
    assert experiment.training.epochs == 4
    assert experiment.training.batch_size == load_experiment(preset).training.batch_size
    assert experiment.corpora["demo"].speakers == 7  # type: ignore[union-attr]
    assert experiment.selection.keywords == ("stop", "music")
    assert experiment.name == "other"
    assert experiment.search.space == {"loss.margin": Uniform(low=0.1, high=0.2)}


def test_a_heading_with_nothing_below_it_takes_overrides(preset: Path) -> None:
    preset.write_text(SMALL + "training:\n", encoding="utf-8")
    assert load_experiment(preset, ("training.epochs=2",)).training.epochs == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "small.yaml: key 'training.epoch' is unknown"),
        ("trainings.epochs=3", "key 'trainings' is unknown"),
        ("training.epochs=many", r"training.epochs: .*integer.*\(found 'many'\)"),
        ("training.epochs=0", r"training.epochs: .*greater than 0 \(found 0\)"),
        ("training.epochs=", "training.epochs: .*integer"),
        ("training.epochs", "setting 'training.epochs' must look like section.key=value"),
        ("=3", "setting '=3' must look like section.key=value"),
        ("name.x=3", "setting 'name.x=3': 'name' is a value, not a section"),
        ("training.epochs=[1", r"setting 'training.epochs=\[1': the value cannot be read"),
        ("corpora.demo.recipe=radio", "'demo', 'manifest'"),
        ("corpora={}", "corpora: .*at least 1 item"),
        ("features.coefficients=50", r"features: .*coefficients \(50\) cannot exceed mel_bins \(40\)"),
        ("encoder.name=res15", "key 'encoder' is unknown"),
    ],
)
def test_wrong_settings_are_named_in_one_line(preset: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_experiment(preset, (override,))
    assert "\n" not in str(caught.value)


def test_every_problem_is_listed(preset: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.epochs.*; .*backends\.far"):
        load_experiment(preset, ("training.epochs=0", "backends.far=2"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"- a\n- b\n", "must be a table of settings, not list"),
        (b"", "must be a table of settings, not NoneType"),
        (b"name: [a\n", "cannot be read: "),
        (b"name: \xff\xfe", "cannot be read: "),
        (b"name: !!python/object/apply:os.getcwd []\ncorpora: {}\n", "cannot be read: .*python/object"),
        (b"name: x\n", "corpora: Field required"),
        (b"1: x\nname: x\n", "eys should be strings"),
    ],
)
def test_files_that_are_no_preset_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_experiment(path)
    assert "bad.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml does not exist"):
        load_experiment(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_experiment(tmp_path)
