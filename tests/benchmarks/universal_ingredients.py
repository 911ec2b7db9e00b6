"""What each ingredient of the universal encoder brings: the same short training with one thing changed at a time.

    python -m tests.benchmarks.universal_ingredients WORKSPACE [--steps 1500] [--only NAME ...]

WORKSPACE is that of `kws retrain --preset universal`, whose data are used. Every variant makes as many steps of as
many segments, so the figures compare ingredients, not finished encoders. Judged on
the test pairs of words that nobody trained on and of FSDD, all of different speakers, with 95 % intervals over
speakers.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from flows.preset_paths import preset_path
from kws_core import pairs as pairs_stage
from kws_core import selection as selection_stage
from kws_core.config import Experiment, TrainingSpec
from kws_core.evaluation.trials import summarise_trials
from kws_core.fingerprint import unit_interval
from kws_core.presets import load_experiment
from kws_core.training import fit
from kws_core.training.judge import embed_rows
from kws_core.training_data import TrainingData
from tasks.places import Places
from tasks.search import training_spec
from tasks.training_input import TrainingInput
from tests.flows.data_stages import make_data

JUDGED = ("out-of-vocabulary", "cross-corpus fsdd")
NATURAL = ("hibari", "piper")
STEPS = 25
"""Of an epoch here."""


class Universal:
    """The data of a finished universal run."""

    def __init__(self, workspace: Path) -> None:
        self.experiment: Experiment = load_experiment(preset_path("universal"))
        places = Places.in_workspace(workspace)
        made = make_data(places, self.experiment)
        given = TrainingInput(**{name: made[name] for name in ("features", "selection", "pairs", "segments")})
        self.data = given.load(places, self.experiment)
        store = places.store()
        self.selection = store.read_table(store.dataset(selection_stage.STAGE, given.selection))
        self.pairs = store.read_table(store.dataset(pairs_stage.STAGE, given.pairs))
        self.corpora, self.speakers = (np.array(self.selection[name].to_pylist()) for name in ("corpus", "speaker_id"))
        self.labels = np.array(self.selection["label"].to_pylist())

    def spec(self, steps: int) -> TrainingSpec:
        """The preset's training, so many steps long."""
        spec = training_spec(self.experiment, self.experiment.search.encoders[0])
        # short epochs, so that variants with few segments make as many steps
        epochs = steps // STEPS
        short = {"epochs": epochs, "max_steps_per_epoch": STEPS, "warm_up_epochs": 2, "ema_decay": 0.98}
        ramp = round(epochs * spec.loss.margin_ramp_epochs / spec.training.epochs)
        return spec.model_copy(
            update={
                "training": spec.training.model_copy(update=short),
                "loss": spec.loss.model_copy(update={"margin_ramp_epochs": ramp}),
            }
        )

    def with_rows(self, kept: NDArray[np.bool_], least: int) -> TrainingData:
        """The data with only the training rows that are kept, and of labels with `least` of them."""
        rows = self.data.train[kept[self.data.train]]
        counts = np.bincount(self.data.label_ids[rows], minlength=self.data.classes)
        classes = np.flatnonzero(counts >= least)
        number = np.full(self.data.classes + 1, -1)
        number[classes] = np.arange(len(classes))
        label_ids = number[self.data.label_ids]
        names = tuple(self.data.class_names[place] for place in classes.tolist())
        train = rows[label_ids[rows] >= 0]
        return replace(self.data, label_ids=label_ids, train=train, classes=len(classes), class_names=names, trials={})


def variants(universal: Universal, steps: int) -> Iterator[tuple[str, Callable[[], tuple[TrainingData, TrainingSpec]]]]:
    """Name of each variant and what makes its data and training."""
    spec, least = universal.spec(steps), 4
    everything = np.ones(len(universal.labels), np.bool_)
    synthetic = universal.corpora == "spoken-words"
    natural = np.array([speaker.startswith(NATURAL) for speaker in universal.speakers.tolist()])
    share = np.array([unit_interval("ingredient", label) for label in universal.labels.tolist()])
    english = set(universal.labels[natural].tolist())
    invented = synthetic & ~np.isin(universal.labels, sorted(english))

    def changed(section: str, **values: object) -> TrainingSpec:
        return spec.model_copy(update={section: getattr(spec, section).model_copy(update=values)})

    plain_sound = spec.augmentation.waveform.__class__()
    no_features = {"gain_db": 0.0, "channel_db": 0.0, "vocal_tract_share": 0.0, "shift_share": 0.0, "time_masks": 0}
    nothing = {**no_features, "frequency_masks": 0, "swap_context_share": 0.0, "mask_context_share": 0.0}
    episodes = spec.sampling.model_copy(update={"name": "episodes", "classes_per_batch": 16, "samples_per_class": 4})
    rows: dict[str, tuple[NDArray[np.bool_], TrainingSpec]] = {
        "all": (everything, spec),
        "labels: a tenth": (share < 0.1, spec),
        "labels: a third": (share < 1 / 3, spec),
        "real speech only": (~synthetic, spec),
        "synthesised words only": (synthetic, spec),
        "no natural voices": (~natural, spec),
        "no invented words": (~invented, spec),
        "no distortion of sound": (everything, changed("augmentation", waveform=plain_sound)),
        "no augmentation": (everything, changed("augmentation", waveform=plain_sound, **nothing)),
        "loss: no margin": (everything, changed("loss", margin=0.0, margin_ramp_epochs=0)),
        "loss: supervised contrastive": (
            everything,
            changed("loss", name="supervised_contrastive", temperature=0.1).model_copy(update={"sampling": episodes}),
        ),
        "encoder: mean over the last maps": (everything, changed("encoder", pooling="mean")),
        "encoder: res15, 32 maps": (everything, changed("encoder", name="res15", maps=32, stem_pooling=(4, 3))),
    }
    for name, (kept, its_spec) in rows.items():
        yield name, lambda kept=kept, its_spec=its_spec: (universal.with_rows(kept, least), its_spec)


def judged(universal: Universal, data: TrainingData, encoder: torch.nn.Module) -> list[str]:
    """EER with its interval on each list of `JUDGED`."""
    place = {name: row for row, name in enumerate(universal.selection["segment_id"].to_pylist())}
    found = []
    for name in JUDGED:
        chosen = [pair for pair in universal.pairs.to_pylist() if pair["test_set"] == name]
        sides = np.array([[place[pair["left"]], place[pair["right"]]] for pair in chosen])
        rows, where = np.unique(sides, return_inverse=True)
        embeddings = embed_rows(encoder, data, rows, torch.device("cpu"))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        embeddings = embeddings[where.reshape(sides.shape)]
        scores = np.einsum("nd,nd->n", embeddings[:, 0], embeddings[:, 1])
        same = np.array([pair["same"] for pair in chosen])
        left, right = (universal.speakers[sides[:, side]] for side in (0, 1))
        summary = summarise_trials(scores, same, left, right, test_set=name, speaker_policy="cross", seed=0)
        found.append(f"{summary.eer:.1%} [{summary.eer_low:.1%}, {summary.eer_high:.1%}]")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    universal = Universal(arguments.workspace)
    print(
        "| variant | labels | segments | EER out-of-vocabulary | EER FSDD | minutes |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for name, make in variants(universal, arguments.steps):
        if arguments.only and name not in arguments.only:
            continue
        data, spec = make()
        started = time.process_time()
        result = fit(data, spec, seed=0)
        figures = judged(universal, data, result.encoder)
        minutes = (time.process_time() - started) / 60
        rows = len(np.unique(data.train))
        print(f"| {name} | {data.classes} | {rows} | {' | '.join(figures)} | {minutes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
