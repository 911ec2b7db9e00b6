"""Evaluation of a bundle on the test speakers of a selection, kept as a document."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kws_core import embeddings as embeddings_stage
from kws_core import pairs as pairs_stage
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.embeddings import read_embeddings
from kws_core.evaluation.system import SystemEvaluation, evaluate_system
from kws_core.fingerprint import fingerprint
from kws_core.manifest import Manifest
from kws_core.store import Store
from tasks.embed import embed
from tasks.prints import selected_prints

KIND = "evaluation"
VERSION = 2


class Trials:
    """The segments, selection and pair lists that models are judged on."""

    def __init__(self, store: Store, segments: str, selection: str, pairs: str) -> None:
        """Open the datasets with these fingerprints."""
        self.store = store
        self.segments = store.dataset(segments_stage.STAGE, segments)
        self.selection = store.dataset(selection_stage.STAGE, selection)
        self.pairs = store.dataset(pairs_stage.STAGE, pairs)

    def selection_table(self) -> pa.Table:
        """The rows of the selection."""
        return self.store.read_table(self.selection)

    def embeddings(self, selection: pa.Table, encoder: bytes) -> NDArray[np.float32]:
        """Embeddings `[rows of the selection, dim]` by an ONNX encoder."""
        return _selected(self.store, embed(self.store, self.segments, encoder), selection)

    def snr_db(self, selection: pa.Table) -> NDArray[np.float64]:
        """Estimated SNR `[rows of the selection]` in dB; see `sound_prints.estimate_snr_db`."""
        column = selected_prints(self.store, self.segments, selection, ["snr_db"])["snr_db"]
        return np.asarray(column.to_numpy(), np.float64)

    def licences(self, selection: pa.Table) -> tuple[str, ...]:
        """Licences of everything that the model has learnt from."""
        trained = selection.filter(pa.compute.equal(selection["split"], "train"))
        found: set[str] = set()
        for number in sorted(set(trained["part"].to_pylist())):
            part = self.store.read_part(segments_stage.STAGE, self.segments.parts[number], ["segment_id", "licence"])
            ours = pa.compute.is_in(part["segment_id"], trained["segment_id"])
            found.update(part.filter(ours)["licence"].to_pylist())
        return tuple(sorted(found))


def judge(trials: Trials, experiment: Experiment, bundle: Bundle) -> SystemEvaluation:
    """Measure a bundle; the same bundle on the same trials is measured once."""
    store = trials.store
    encoder = bundle.encoder_path.read_bytes()
    measured = experiment.evaluation.model_dump(mode="json", exclude={"leaks"})
    distance = experiment.selection.confusable_distance
    content = [trials.selection.fingerprint, trials.pairs.fingerprint, experiment.seed, measured, distance]
    key = fingerprint(KIND, VERSION, bundle.system_fingerprint, *content)
    document = store.read_document(KIND, key)
    if document is not None:
        return SystemEvaluation.from_json(document)
    selection = trials.selection_table()
    evaluation = evaluate_system(
        selection,
        store.read_table(trials.pairs),
        trials.embeddings(selection, encoder),
        bundle.backends(),  # an encoder without keywords has none: it is judged by trials alone
        {name: np.array(values) for name, values in bundle.description.thresholds.items()},
        experiment.test_corpora,
        experiment.selection.keywords,
        experiment.seed,
        experiment.evaluation,
        trials.snr_db(selection),
        distance,
    )
    store.write_document(KIND, key, evaluation.to_json())
    return evaluation


def _selected(store: Store, manifest: Manifest, selection: pa.Table) -> NDArray[np.float32]:
    """Rows of an embeddings dataset in the order of the selection."""
    numbers = selection["part"].to_numpy()
    rows = selection["row"].to_numpy()
    result: NDArray[np.float32] | None = None
    for number in np.unique(numbers).tolist():
        values = read_embeddings(store.read_part(embeddings_stage.STAGE, manifest.parts[number], ["embedding"]))
        if result is None:
            result = np.empty((len(numbers), values.shape[1]), np.float32)
        result[numbers == number] = values[rows[numbers == number]]
    return np.empty((0, 1), np.float32) if result is None else result
