"""A study by the real command: recordings to a table, again without any work, and its mistakes told in a sentence."""

import csv
import shutil
from pathlib import Path

import pytest
import yaml
from experiments import KEYWORDS, Finished, FullRun, run_kws, tiny_experiment
from store_files import store_files

from flows.preset_paths import PRESETS
from kws_core.presets import load_settings
from kws_core.studies import NAMES, find_study

TINY = {
    **{section: tiny_experiment()[section] for section in ("corpora", "ingest")},
    "segments": {"background_share": 0},
    "selection": {"keywords": list(KEYWORDS), "development_share": 0.25, "test_share": 0.25, "pairs": 200},
    "encoder": {"name": "res15", "maps": 6, "stem_pooling": [6, 5], "embedding_dim": 16},
    "training": {"epochs": 1},
    "margins": [0.2],
    "seeds": 1,
    "replicates": 50,
}


def study(preset: Path, folder: Path, env: dict[str, str], *arguments: str) -> Finished:
    return run_kws("study", "ma2019", "--preset", preset, *arguments, cwd=folder, timeout_s=240, env=env)


@pytest.fixture(scope="module")
def finished(
    full_run: FullRun, tmp_path_factory: pytest.TempPathFactory, prefect_server: dict[str, str]
) -> tuple[Path, Path, Finished]:
    folder = tmp_path_factory.mktemp("study")
    # recordings and alignments are those of the full run
    shutil.copytree(full_run.store, folder / "runs" / "ma2019" / "store")
    preset = folder / "tiny.yaml"
    preset.write_text(yaml.safe_dump(TINY), encoding="utf-8")
    done = study(preset, folder, prefect_server, "--set", "parallel_cells=1")
    assert done.status == 0, done.stderr
    return folder, preset, done


@pytest.mark.slow
def test_a_study_leaves_a_table_and_a_page(finished: tuple[Path, Path, Finished]) -> None:
    folder, _, done = finished
    workspace = folder / "runs" / "ma2019"
    assert "in-vocabulary (95 % intervals over speakers)" in done.stdout
    assert done.stdout.splitlines()[-2:] == [str(workspace / "table.csv"), str(workspace / "report.html")]
    assert "3 cells, 3 computed" in done.lines()["study"][0]
    with (workspace / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["method"].removesuffix(" (chosen)") for row in rows} == {
        "softmax",
        "normalisation",
        "normalisation + margin 0.2",
    }
    for row in rows:
        assert 0 <= float(row["frr_low"]) <= float(row["frr"]) <= float(row["frr_high"]) <= 1
    assert (workspace / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.slow
def test_a_rerun_computes_nothing(finished: tuple[Path, Path, Finished], prefect_server: dict[str, str]) -> None:
    folder, preset, done = finished
    workspace = folder / "runs" / "ma2019"
    before, page = _files(workspace / "store"), (workspace / "report.html").read_bytes()
    again = study(preset, folder, prefect_server, "--seeds", "1", "--set", "parallel_cells=1")
    assert again.status == 0, again.stderr
    assert again.stdout == done.stdout
    assert _files(workspace / "store") == before
    assert (workspace / "report.html").read_bytes() == page
    for stage in ("utterances", "words", "segments", "features", "study"):
        assert again.lines()[stage][0].endswith("nothing to compute")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("huh2021",), "study 'huh2021' is unknown; alignment_gate, arora2019, huh2020, ma2019 are accepted"),
        (("ma2019", "--set", "margin=0.2"), "key 'margin' is unknown"),
        (("huh2020", "--seeds", "9"), "rotate_speakers needs seeds x selection.test_share of at most 1"),
        (("ma2019", "--preset", "absent.yaml"), "absent.yaml does not exist"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    failed = run_kws("study", *arguments, cwd=tmp_path, timeout_s=60)
    assert failed.status == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ")
    assert told in failed.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", NAMES)
def test_every_study_has_its_preset(name: str) -> None:
    found = find_study(name)
    path = PRESETS / "studies" / f"{name}.yaml"
    assert path.read_text(encoding="utf-8").startswith("# ")
    config = load_settings(path, found.config_type)
    assert config.experiment(name).corpora
    cells = found.cells(config)
    assert {cell.seed for cell in cells} == set(range(config.seeds))
    assert len({(cell.method, cell.seed) for cell in cells}) == len(cells)


def _files(store: Path) -> dict[str, tuple[str, int]]:
    """Everything but the mark that the store can be written, which every run leaves."""
    return {name: told for name, told in store_files(store).items() if name != "store.json"}
