"""A small refit on a Ray of its own: `python refit_run.py FOLDER`, where `asked.json` says of what."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN_TAG = "KWS_TEST_RUN"
SPEAKERS = 12
WORDS = {"low": 400.0, "middle": 1100.0, "high": 2600.0}


def experiment_of(**sections: Any) -> dict[str, Any]:
    """Three tones as words; `sections` replace its own."""
    return {
        "name": "workers",
        "purpose": "enrolment",
        "corpora": {"words": {"recipe": "manifest", "path": "words.tsv", "aligner": "whole_clip"}},
        "segments": {"background_share": 0.0},
        "selection": {
            "development_share": 0.3,
            "test_share": 0.1,
            "out_of_vocabulary_share": 0.0,
            "min_train_segments": 1,
            "pairs": 200,
        },
        # slow and steady: a run that does not settle multiplies rounding from step to step
        "training": {"epochs": 3, "batch_size": 7, "optimizer": "sgd", "learning_rate": 1e-3},
        "search": {"trials": 0, "encoders": [{"name": "res15", "maps": 6, "stem_pooling": [6, 5]}]},
        **sections,
    }


def main(folder: Path) -> None:
    """Search, which only takes the values as they are given, and refit; notes the key of the encoder."""
    from flows.quiet import quieten

    quieten()
    from kws_core.config import Experiment
    from kws_core.errors import KwsError
    from tasks.places import Places
    from tasks.refit import refit
    from tasks.search import search
    from tasks.training_input import TrainingInput

    asked = json.loads((folder / "asked.json").read_text())
    places = Places.in_workspace(folder, store_url=asked["store"])
    experiment, given = Experiment.model_validate(asked["experiment"]), TrainingInput.model_validate(asked["given"])
    try:
        (folder / "key").write_text(refit.fn(places, experiment, given, search.fn(places, experiment, given)))
    except KwsError as error:
        print(error)
        sys.exit(1)


@dataclass(frozen=True)
class Run:
    """A refit at work, and all processes that it started: told by a tag in their environment."""

    process: subprocess.Popen[str]
    tag: str

    def processes(self, title: str = "") -> list[int]:
        """Live processes of the run whose command line begins with `title`."""
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):  # gone meanwhile, or another user's
                tagged = folder.name.isdigit() and f"{RUN_TAG}={self.tag}".encode() in (folder / "environ").read_bytes()
                if tagged and (folder / "cmdline").read_bytes().startswith(title.encode()):
                    found.append(int(folder.name))
        return found

    def wait(self, timeout_s: float = 600) -> str:
        """What it printed; raises when it fails or takes longer."""
        try:
            output, _ = self.process.communicate(timeout=timeout_s)
        finally:
            self.kill()
        assert self.process.returncode == 0, output
        return output

    def kill(self) -> None:
        """SIGKILL everything."""
        while left := self.processes():
            for number in left:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.05)
        self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start(folder: Path, store: str, experiment: dict[str, Any], given: dict[str, str]) -> Run:
    """Start a refit in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "asked.json").write_text(json.dumps({"store": store, "experiment": experiment, "given": given}))
    tag = uuid.uuid4().hex
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KWS_", "RAY_"))}
    # Ray's workers give way to all else: on a machine with other work they would hardly run
    own = {"RAY_ADDRESS": "local", "RAY_worker_niceness": "0", RUN_TAG: tag}
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder)],
        cwd=folder,
        env={**environment, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Run(process, tag)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
