"""The cells of a study on Ray: what is finished is kept, so that a killed study goes on where it stopped."""

import time
from dataclasses import dataclass
from typing import Any

from kws_core import segments as segments_stage
from kws_core.fingerprint import fingerprint
from kws_core.store import Store
from kws_core.studies import find_study
from kws_core.studies.data import StudyData, study_data
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell, Results, StudyConfig
from tasks import featurise
from tasks.cluster import cause, connect, cpus
from tasks.console import bar, say
from tasks.places import Places
from tasks.stage import stage_task

KIND = "study-cell"
RESULT = "result.npz"


@dataclass(frozen=True)
class StudyInput:
    """A study, its configuration, and the fingerprints of its segments and their features."""

    name: str
    config: StudyConfig
    segments: str
    features: str

    def load(self, places: Places) -> StudyData:
        """Map the features on this node and join them with their segments."""
        store = places.store()
        segments = store.dataset(segments_stage.STAGE, self.segments)
        features = store.dataset(featurise.STAGE, self.features)
        return study_data(store, segments, features, self.config.features, places.cache)

    def cells(self) -> list[tuple[str, Cell]]:
        """Every cell with the key of its result."""
        study = find_study(self.name)
        content = [self.name, study.version, self.config.deciding(), self.segments, self.features]
        return [(fingerprint(KIND, *content, cell), cell) for cell in study.cells(self.config)]


@stage_task("study")
def run_cells(places: Places, given: StudyInput) -> list[str]:
    """Run the cells that have no result yet; returns the keys of all of them, in the order of the cells."""
    store = places.store()
    cells = given.cells()
    missing = [(key, cell) for key, cell in cells if store.read_document(KIND, key) is None]
    started = time.monotonic()
    if missing:
        _run(places, given, missing)
    effort = f"{len(missing)} computed in {time.monotonic() - started:.0f} s" if missing else "nothing to compute"
    say("study", f"{given.name}: {len(cells)} cells, {effort}")
    return [key for key, _ in cells]


def read_results(store: Store, given: StudyInput) -> Results:
    """The results of all cells; raises `StoreError` for one that is missing or damaged."""
    results = []
    for key, cell in given.cells():
        content = store.read_object(KIND, key, RESULT)
        results.append((cell, CellResult.from_bytes(content, f"{store.url}/objects/{KIND}/{key}/{RESULT}")))
    return results


def run_cell(places: Places, given: StudyInput, cell: Cell, key: str) -> str:
    """Train and test one cell and keep its result, the document last; runs on a Ray worker; returns its method."""
    started = time.monotonic()
    device = "cuda" if given.config.gpus_per_cell else "cpu"
    result = find_study(given.name).run_cell(given.load(places), cell, given.config, device)
    store = places.store()
    store.write_object(KIND, key, RESULT, result.to_bytes())
    seconds = round(time.monotonic() - started, 1)
    store.write_document(KIND, key, {"study": given.name, "seconds": seconds, **cell.model_dump(mode="json")})
    return f"{cell.method}, seed {cell.seed}"


def _run(places: Places, given: StudyInput, missing: list[tuple[str, Cell]]) -> None:
    ray = connect()
    given.load(places)  # builds the mapped cache once, before cells ask for it
    config = given.config
    resources: dict[str, Any] = {"num_cpus": min(config.cpus_per_cell, cpus()), "num_gpus": config.gpus_per_cell}
    remote = ray.remote(max_retries=3, **resources)(run_cell)
    waiting = list(missing)
    running: list[Any] = []
    with bar("study", len(missing)) as progress:
        while waiting or running:
            while waiting and len(running) < (config.parallel_cells or len(missing)):
                key, cell = waiting.pop(0)
                running.append(remote.remote(places, given, cell, key))
            done, running = ray.wait(running)
            try:
                for finished in ray.get(done):
                    progress.advance(finished)
            except ray.exceptions.RayTaskError as error:
                for reference in running:
                    ray.cancel(reference)
                raise cause(error) from None
