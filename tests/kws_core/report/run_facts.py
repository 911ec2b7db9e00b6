"""Facts of runs for pages: a plain one, and one with everything that a page can show."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
from builders import KEYWORDS, SPOKEN_SELECTION, Spoken

from kws_core.alignment_gate import GATE_COLUMNS, MEASURES, GateExample, judge_alignments
from kws_core.audio import encode_flac
from kws_core.config import AlignmentGateConfig, Experiment, ReportConfig
from kws_core.detector import HOP_S
from kws_core.embeddings import segment_window
from kws_core.evaluation.streams.facts import Event, StreamFacts, StreamScores
from kws_core.evaluation.streams.measures import StreamEvaluation, evaluate_streams
from kws_core.evaluation.system import evaluate_system
from kws_core.evaluation.system_scores import SystemScores
from kws_core.gate import Decision
from kws_core.manifest import Manifest, Part
from kws_core.part import Quarantine
from kws_core.report.alignment_gate import GateReport
from kws_core.report.corpora import CorpusSummary
from kws_core.report.evaluation import EvaluationFacts, JudgedSystem
from kws_core.report.examine import compare, examine
from kws_core.report.run import RunFacts
from kws_core.schemas import WORDS


def manifest(stage: str, *parts: tuple[int, int]) -> Manifest:
    described = [Part(f"{stage}{n}", "demo", rows, rejected, 10, "0" * 64) for n, (rows, rejected) in enumerate(parts)]
    return Manifest(stage, 1, tuple(described))


def word_rows(shift_s: float, aligner: str) -> pa.Table:
    rows = [
        {"utterance_id": "u", "index": n, "word": "go", "start_s": n + shift_s, "end_s": n + 0.5, "score": -1.0}
        for n in range(4)
    ]
    return pa.Table.from_pylist([{**row, "aligner": aligner} for row in rows], schema=WORDS)


def run_facts(spoken: Spoken) -> RunFacts:
    """A run without a champion, streams or a gate."""
    quarantine = Quarantine("segments")
    quarantine.add("a.wav word 1 'i'", "its label has fewer than 2 characters")
    quarantine.add("b.wav word 2 'a'", "its label has fewer than 2 characters")
    values = {"loss.scale": 20.0, "loss.margin": 0.1, "training.learning_rate": 0.001}
    trial = {"encoder": {"name": "res15"}, "values": values, "epoch": 6}
    return RunFacts(
        experiment=Experiment(name="tiny", seed=7, corpora={"demo": {"recipe": "demo"}}, selection=SPOKEN_SELECTION),
        bundle=spoken.bundle,
        stages={
            "utterances": manifest("utterances", (60, 0), (40, 0)),
            "words": manifest("words", (1500, 20)),
            "segments": manifest("segments", (800, 700)),
            "features": manifest("features", (800, 0)),
        },
        quarantine={"words": Quarantine("words").table(), "segments": quarantine.table()},
        words=word_rows(0.02, "pocketsphinx"),
        reference=word_rows(0.0, "reference"),
        selection=spoken.selection,
        evaluation=EvaluationFacts(
            JudgedSystem(
                "version 4",
                evaluate_system(
                    spoken.selection,
                    spoken.pairs,
                    spoken.embeddings,
                    spoken.fitted.backends(),
                    spoken.fitted.thresholds,
                    frozenset(),
                    KEYWORDS,
                    seed=0,
                ),
                description=spoken.bundle.description,
            )
        ),
        search={
            "trials": [
                {**trial, "development_eer": 0.0312},
                {**trial, "epoch": 2, "development_eer": 0.25},
                {**trial, "epoch": 1, "development_eer": math.nan},
            ]
        },
        training={"delivered": {"epoch": 12, "development_eer": 0.0456}, "parameters": 12345},
        model_version="4",
        decision=Decision(False, "FRR 9 % > 5 % & that is <too much>"),
    )


def full_run_facts(spoken: Spoken) -> RunFacts:
    """A run with a champion that is a little worse, streams, a gate, a map and errors to hear."""
    ours, theirs = spoken.embeddings, worse(spoken.embeddings)
    backends, thresholds = spoken.fitted.backends(), spoken.fitted.thresholds
    streams = [random_streams(quality, seed) for quality, seed in ((4.0, 1), (3.2, 2))]
    systems = [
        JudgedSystem(
            name,
            evaluate_system(
                spoken.selection, spoken.pairs, embeddings, backends, thresholds, frozenset(), KEYWORDS, seed=0
            ),
            on_streams,
            spoken.bundle.description,
        )
        for name, embeddings, on_streams in zip(("version 4", "version 3"), (ours, theirs), streams, strict=True)
    ]
    decision = spoken.bundle.description.decision
    scores = [
        SystemScores(system.name, embeddings, backends[decision], np.asarray(thresholds[decision]))
        for system, embeddings in zip(systems, (ours, theirs), strict=True)
    ]
    common = spoken.selection, spoken.pairs, frozenset(), KEYWORDS
    found = examine(
        *common,
        scores[0],
        lambda rows: spoken_windows(spoken, rows),
        ReportConfig(),
        comparison=compare(*common, scores[0], scores[1], (streams[0], streams[1])),
    )
    corpora = (
        CorpusSummary("spoken", 600, 0.31, 31, 279, 9, ("en",), ("CC0-1.0",)),
        CorpusSummary("read", 12345, 21.5, 251, 150_000, 12_000, (), ("CC BY 4.0", "BSD-style")),
    )
    return replace(
        run_facts(spoken),
        evaluation=EvaluationFacts(systems[0], systems[1], found),
        corpora=corpora,
        alignment_gate=gate_report(),
    )


def worse(embeddings: np.ndarray) -> np.ndarray:
    """The embeddings under noise."""
    noisy = embeddings + 0.13 * np.random.default_rng(0).normal(size=embeddings.shape)
    return (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)


def spoken_windows(spoken: Spoken, rows: list[int]) -> np.ndarray:
    """Windows of rows of the selection."""
    places = spoken.selection["row"].to_numpy()[list(rows)].tolist()
    return np.stack([segment_window(spoken.segments.slice(place, 1).to_pylist()[0]) for place in places])


def random_streams(quality: float, seed: int) -> StreamEvaluation:
    """Twenty minutes with some 40 keywords, heard the better the higher the quality."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (round(1200 / HOP_S), len(KEYWORDS)))
    events = []
    for number, window in enumerate(range(200, round(1200 / HOP_S) - 50, 360)):
        keyword, level = number % len(KEYWORDS), (20.0, 10.0, 5.0, 0.0)[number % 4]
        scores[window : window + 4, keyword] += quality + level / 15
        middle_s = (window + 1) * HOP_S
        ids = f"s{number % 6}", f"segment-{number}"
        events.append(Event(KEYWORDS[keyword], middle_s - 0.2, middle_s + 0.2, level, *ids))
    facts = StreamFacts("planted", "keywords in speech", 1200.0, tuple(events), ("s0", "s1", "s2"))
    return evaluate_streams([StreamScores(facts, scores)], KEYWORDS, np.full(len(KEYWORDS), 2.9), seed=0)


def gate_report() -> GateReport:
    """A gate that rejects a few, with three examples."""
    rng = np.random.default_rng(0)
    rows = [
        {
            **dict.fromkeys(GATE_COLUMNS, ""),
            **{measure.name: float("nan") for measure in MEASURES},
            "segment_id": str(number),
            "utterance_id": str(number // 5),
            "corpus": "spoken",
            "label": "word",
            "score": float(rng.normal(-1, 0.2)) - 8 * (number % 100 == 7),
            "speaking_rate": float(np.exp(rng.normal(2.5, 0.3))),
        }
        for number in range(600)
    ]
    sound = encode_flac((3000 * np.sin(np.arange(8000) / 8)).astype(np.int16))
    examples = [
        GateExample("spoken", f"word {number}", f"{number}.wav", "its level is low", sound) for number in range(3)
    ]
    return GateReport(
        judge_alignments(pa.Table.from_pylist(rows).select(GATE_COLUMNS), AlignmentGateConfig()), examples
    )
