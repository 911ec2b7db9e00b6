"""What AS-norm and logistic calibration of scores bring, on the test speakers of a finished retrain.

    python tests/benchmarks/score_normalisation.py WORKSPACE [PRESET]

WORKSPACE is that of `kws retrain` with the preset (`demo` by default); nothing is written to it. Back ends are fitted
and calibrated as the retrain does (thresholds at FAR 2 % on development segments), with each transformation of the
scores. EER and FRR at FAR 2 % are of all pairs of a test segment and a keyword under one threshold; streams are those
of the test speakers, all thresholds shifted together. Intervals of 95 % over speakers are of the FRR at FAR 2 %.
"""

import sys
from pathlib import Path

import numpy as np

from flows.preset_paths import preset_path
from kws_core import corpora
from kws_core import embeddings as embeddings_stage
from kws_core import segments as segments_stage
from kws_core import selection as selection_stage
from kws_core.alignment import STAGE as WORDS
from kws_core.bundle import load_bundle
from kws_core.calibration import calibrate
from kws_core.config import FeaturesConfig
from kws_core.embeddings import read_embeddings
from kws_core.evaluation.det import det_curve
from kws_core.evaluation.speaker_share import speaker_share
from kws_core.evaluation.streams.build import build_streams
from kws_core.evaluation.streams.measures import evaluate_streams
from kws_core.evaluation.streams.plan import plan_streams
from kws_core.evaluation.streams.scores import embed_stream, score_streams
from kws_core.evaluation.streams.sources import keyword_pieces, speakers_of, speech_pieces
from kws_core.evaluation.streams.stream import EvaluationStream
from kws_core.fingerprint import sha256
from kws_core.incremental.stream_encoder import StreamEncoder
from kws_core.manifest import manifest_fingerprint, part_key
from kws_core.presets import load_experiment
from kws_core.store import Store

FAR = 0.02
VARIANTS = {
    "plain": {},
    "AS-norm": {"score_normalisation": "as_norm"},
    "logistic": {"score_calibration": "logistic"},
    "AS-norm, logistic": {"score_normalisation": "as_norm", "score_calibration": "logistic"},
}


def newest(workspace, stage):
    """Fingerprint of the newest dataset of a stage."""
    found = (workspace / "store" / "manifests" / stage).glob("*.json")
    return max(found, key=lambda path: path.stat().st_mtime).stem


def read_run(workspace, experiment):
    """Selection, embeddings of its rows, and embedded test streams."""
    store = Store(str(workspace / "store"))
    folder = next(path for path in (workspace / "bundles").iterdir() if not path.name.startswith("."))
    bundle = load_bundle(folder)
    segments = store.dataset(segments_stage.STAGE, bundle.description.datasets["segments"])
    selection = store.read_table(store.dataset(selection_stage.STAGE, bundle.description.datasets["selection"]))
    content = bundle.encoder_path.read_bytes()
    stage, version = embeddings_stage.STAGE, embeddings_stage.VERSION
    keys = [part_key(stage, version, sha256(content), [part.key]) for part in segments.parts]
    parts = store.dataset(stage, manifest_fingerprint(stage, version, keys)).parts
    by_part = [read_embeddings(store.read_part(stage, part, ["embedding"])) for part in parts]
    places = zip(selection["part"].to_pylist(), selection["row"].to_pylist(), strict=True)
    embeddings = np.stack([by_part[part][row] for part, row in places])
    left_out, keywords = experiment.test_corpora | experiment.noise_corpora, experiment.selection.keywords
    utterances = store.dataset(corpora.STAGE, newest(workspace, corpora.STAGE))
    words = store.dataset(WORDS, newest(workspace, WORDS))
    speech = speech_pieces(store, utterances, words, keywords, speakers_of(selection, "test", left_out))
    chosen = keyword_pieces(selection, keywords, "test", left_out)
    encoder = StreamEncoder(content, FeaturesConfig.model_validate(bundle.description.features))
    streams = []
    for plans in plan_streams(speech, chosen, experiment.streams, "test", experiment.seed):
        rows = build_streams(store, utterances, segments, plans, experiment.streams.spacing_s).to_pylist()
        streams += [embed_stream(EvaluationStream.from_row(row), encoder) for row in rows]
    return selection, embeddings, streams


def main():
    workspace = Path(sys.argv[1])
    experiment = load_experiment(preset_path(sys.argv[2] if len(sys.argv) > 2 else "demo"))
    selection, embeddings, streams = read_run(workspace, experiment)
    labels, split = np.array(selection["label"].to_pylist()), np.array(selection["split"].to_pylist())
    tested = (split == "test") & ~np.isin(np.array(selection["corpus"].to_pylist()), sorted(experiment.test_corpora))
    keywords = experiment.selection.keywords
    is_keyword = labels[tested][:, None] == np.array(keywords)[None]
    speakers = np.array(selection["speaker_id"].to_pylist())[tested]
    said = np.broadcast_to(speakers[:, None], is_keyword.shape)[is_keyword]
    hours = sum(stream.facts.duration_s for stream in streams) / 3600
    people = len(set(speakers.tolist()))
    print(f"{tested.sum():,} segments of {people} speakers, {len(keywords)} keywords, {hours:.2f} h of streams")
    print(f"{'back end':<10}{'scores':<20}{'EER':>7}{'FRR at FAR 2 %':>26}{'FRR at 1':>11}{'10':>8}{'100 an hour':>13}")
    for variant, settings in VARIANTS.items():
        for name in ("centroid", "svm", "softmax"):
            if name != "centroid" and "score_normalisation" in settings:
                continue
            changed = {"far": FAR, "max_false_alarms_per_hour": None, "decision": name, **settings}
            config = type(experiment.backends).model_validate({**experiment.backends.model_dump(), **changed})
            fitted = calibrate(selection, embeddings, keywords, experiment.test_corpora, config, experiment.seed)
            backend = fitted.backends()[name]
            scores = backend.score(embeddings[tested])
            curve = det_curve(scores.ravel(), is_keyword.ravel())
            threshold = curve.thresholds[np.argmax(curve.far <= FAR)]
            frr = speaker_share(scores[is_keyword] < threshold, said, 1000, 0)
            found = evaluate_streams(score_streams(streams, backend), keywords, fitted.thresholds[name], 0, 10)
            rates = "".join(f"{found.frr_at(rate):>{width}.1%}" for rate, width in ((1.0, 11), (10.0, 8), (100.0, 13)))
            interval = f"{frr.value:.1%} [{100 * frr.low:.1f}, {100 * frr.high:.1f}]"
            print(f"{name:<10}{variant:<20}{curve.eer:>7.1%}{interval:>26}{rates}")


if __name__ == "__main__":
    main()
