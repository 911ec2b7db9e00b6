"""The study of the alignment gate: wrong transcripts, real alignments of them, and the table."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from study_builders import SHARED, corpus

from kws_core.alignment import build_aligner
from kws_core.alignment_gate import MEASURES
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.features import featurise_part
from kws_core.manifest import Manifest
from kws_core.report.study import study_page, study_text
from kws_core.segments import cut_part
from kws_core.selection import speaker_split
from kws_core.store import Store
from kws_core.studies.alignment_gate import STUDY
from kws_core.studies.alignment_gate_config import AlignmentGateStudyConfig
from kws_core.studies.alignment_gate_data import gate_data
from kws_core.studies.alignment_gate_shuffle import shuffle_transcripts, shuffled_utterances
from kws_core.studies.alignment_gate_table import GATED, UNGATED, method_name
from kws_core.studies.data import StudyData, study_data
from kws_core.studies.result import CellResult
from kws_core.text import normalise

SENTENCES = Path(__file__).parents[4] / "shared" / "data" / "sentences.tsv"


def config(**changes: Any) -> AlignmentGateStudyConfig:
    return AlignmentGateStudyConfig.model_validate(
        {
            **SHARED,
            "corpora": {"sentences": corpus("sentences")},
            "shuffled_corpora": ["sentences"],
            "shares": [0.0, 0.5],
            "segments": {"background_share": 0},
            "selection": {"development_share": 0.3, "test_share": 0.3, "out_of_vocabulary_share": 0.4, "pairs": 60},
            "loss": {"name": "softmax"},
            **changes,
        }
    )


@given(st.integers(0, 300), st.floats(0, 1), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_larger_share_holds_the_utterances_of_a_smaller_one(count, share, seed):
    chosen = shuffled_utterances(count, share, seed)
    assert len(chosen) == len(set(chosen.tolist())) == round(share * count)
    assert set(shuffled_utterances(count, share / 2, seed).tolist()) <= set(chosen.tolist())


@given(st.lists(st.sampled_from(["yes", "no", "go on", "stop it", "one two three", "a b c d e"]), max_size=40))
@settings(max_examples=80, deadline=None)
def test_transcripts_are_dealt_out_to_others(texts):
    new = shuffle_transcripts(texts, ["en"] * len(texts), 0)
    assert Counter(new) == Counter(texts)
    kept = sum(before == after for before, after in zip(texts, new, strict=True))
    most = max(Counter(texts).values(), default=0)
    assert kept == 0 or most > len(texts) / 2


def test_transcripts_go_to_utterances_of_as_many_words():
    texts = [" ".join([f"word{chr(97 + n)}"] * length) for n in range(10) for length in (1, 3, 6)]
    new = shuffle_transcripts(texts, ["en"] * len(texts), 1)
    changes = [abs(len(a.split()) - len(b.split())) for a, b in zip(texts, new, strict=True)]
    assert sum(change > 0 for change in changes) <= 3  # where the lengths meet, and the longest to the shortest
    assert all(normalise(a, "en") != normalise(b, "en") for a, b in zip(texts, new, strict=True))
    assert new == shuffle_transcripts(texts, ["en"] * len(texts), 1)
    assert new != shuffle_transcripts(texts, ["en"] * len(texts), 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shares": [0.1, 0.1]}, "shares must differ"),
        ({"shares": [1.5]}, "lie between 0 and 1"),
        ({"shuffled_corpora": ["words"]}, "shuffled_corpora names 'words'; corpora has sentences"),
        (
            {"corpora": {"sentences": {**corpus("x"), "aligner": "whole_clip"}}},
            "has aligner whole_clip and use split; sentences that are aligned by force",
        ),
        ({"alignment_gate": {"enabled": False}}, r"alignment_gate\.enabled must be true"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        config(**changes)


def _real(folder: Path) -> tuple[StudyData, AlignmentGateStudyConfig]:
    """The short AN4 sentences of some speakers, through the aligner, the cutter and the front end."""
    if not SENTENCES.exists():
        pytest.skip("the recordings of ../shared/data are absent")
    header, *lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    column = header.split("\t").index("text")
    short = [line for line in lines if "an4" in line and 2 <= len(line.split("\t")[column].split()) <= 7]
    few = short[:: max(len(short) // 70, 1)]
    rows = [line.replace("sentences/", f"{SENTENCES.parent}/sentences/", 1) for line in few]
    table = folder / "few.tsv"
    table.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    gate = {"min_words": 10, "min_utterances": 5, "min_utterance_words": 1}
    settings_ = config(
        corpora={"sentences": {"recipe": "manifest", "path": str(table)}},
        alignment_gate=gate,
        features={},
        encoder={"name": "res15", "maps": 4, "stem_pooling": [8, 8], "embedding_dim": 8},
    )
    section = settings_.corpora["sentences"]
    utterances = prepare_part("sentences", section, settings_.ingest, plan_corpus(section))[0].table
    words = build_aligner(section.aligner, settings_.alignment).align(utterances).table
    cut = cut_part(utterances, words, settings_.segments)
    store, fingerprints = Store(str(folder / "store")), []
    for stage, output in (("segments", cut), ("features", featurise_part(cut.table, settings_.features))):
        manifest = Manifest(stage, 1, (store.write_part(stage, "k" * 64, "sentences", output),))
        store.write_manifest(manifest)
        fingerprints.append(manifest)
    data = study_data(store, fingerprints[0], fingerprints[1], settings_.features, folder / "cache")
    assert data.measures["segment_id"].to_pylist() == data.segment_ids.tolist()
    return data, settings_


def test_a_cell_shuffles_aligns_judges_and_trains(tmp_path):
    data, settings_ = _real(tmp_path)
    right, wrong = (gate_data(data, settings_, share, 0) for share in (0.0, 0.5))
    assert not right.shuffled.any()
    assert (right.unaligned, len(right.training.features)) == (0, len(data.labels))
    assert wrong.shuffled.any()
    names = np.array(wrong.outcome.table["utterance_id"].to_pylist())
    assert not set(names[wrong.shuffled].tolist()) & set(names[~wrong.shuffled].tolist())
    assert {speaker_split(speaker, settings_.selection) for speaker in wrong.speakers.tolist()} == {"train"}
    assert len(wrong.training.features) == len(data.labels) + wrong.shuffled.sum()
    # test pairs and development trials stay as they were
    for before, after in ((right.tests.tests, wrong.tests.tests), (right.training.trials, wrong.training.trials)):
        assert list(before) == list(after)
        assert all(np.array_equal(x, y) for name in before for x, y in zip(before[name], after[name], strict=True))
    labels = [wrong.training.class_names[wrong.training.label_ids[row]] for row in wrong.training.train.tolist()]
    told = dict(zip(wrong.rows.tolist(), wrong.outcome.table["label"].to_pylist(), strict=True))
    assert [told[row] for row in wrong.training.train.tolist()] == labels
    results = {}
    for gate in (UNGATED, GATED):
        (cell,) = (c for c in STUDY.cells(settings_) if (c.method, c.seed) == (method_name(0.5, gate), 0))
        results[gate] = STUDY.run_cell(data, cell, settings_, "cpu")
        assert results[gate]["shuffled"].sum() == wrong.shuffled.sum()
    trained = {gate: int(result["training"][0]) for gate, result in results.items()}
    lost = np.isin(wrong.training.train, wrong.rows[wrong.outcome.rejected]).sum()
    assert trained[UNGATED] - trained[GATED] == lost > 0
    for name in ("measure score", "rejected", "speakers", "utterances"):  # both cells hear the same wrong transcripts
        assert np.array_equal(results[UNGATED][name], results[GATED][name], equal_nan=name == "measure score")


def _result(wrong: float, noise: float, seed: int, found: float) -> CellResult:
    """Trials under `noise`, and a gate that finds `found` of the wrong utterances and 10 % of the right ones."""
    random = np.random.default_rng(seed)
    trials, words = 400, 600
    same = np.arange(trials) % 2 == 0
    utterances = np.arange(words) // 4
    shuffled = (utterances % 100) < 100 * wrong
    rejected = np.where(shuffled, utterances % 100 < 100 * wrong * found, utterances % 10 == 9)
    arrays = {
        "training": np.array([words, 9]),
        "scores in-vocabulary": same + noise * random.normal(size=trials),
        "same in-vocabulary": same,
        "left in-vocabulary": np.array([f"s{n % 11}" for n in range(trials)]),
        "right in-vocabulary": np.array([f"t{n % 7}" for n in range(trials)]),
        "shuffled": shuffled,
        "rejected": rejected,
        "speakers": np.array([f"r{u % 13}" for u in utterances]),
        "utterances": utterances,
        "unaligned": np.array(3),
        **{f"measure {measure.name}": np.full(words, np.nan, np.float32) for measure in MEASURES},
    }
    arrays["measure score"] = (shuffled + 0.5 * random.normal(size=words)).astype(np.float32)
    return CellResult(arrays)


def test_the_table_says_what_the_gate_wins_and_finds():
    settings_ = config(shares=[0.0, 0.2], seeds=2)
    noise = {(0.0, UNGATED): 0.3, (0.0, GATED): 0.3, (0.2, UNGATED): 0.9, (0.2, GATED): 0.4}
    results = []
    for cell in STUDY.cells(settings_):
        share, gate = float(cell.parameters["share"]), str(cell.parameters["gate"])
        results.append((cell, _result(share, noise[share, gate], cell.seed, found=0.8)))
    table = STUDY.table(results, settings_)
    rows = {(row.method, row.test_set): row.figures for row in table.rows}
    gated, plain = (rows[method_name(0.2, gate), "in-vocabulary pairs"] for gate in (GATED, UNGATED))
    assert gated["eer"].value < plain["eer"].value
    assert gated["eer_reduction"].value == pytest.approx(1 - gated["eer"].value / plain["eer"].value)
    (claim,) = table.claims
    assert (claim.reproduced, claim.ours) == ("yes", gated["eer_reduction"])
    found = rows["20 % shuffled, utterances", "found by the gate"]
    assert found["recall"].value == pytest.approx(0.8)
    assert found["rejected_right"].value == pytest.approx(0.1, abs=0.03)
    shuffled = 2 * 40 * 0.8
    rejected = shuffled + 2 * 110 * found["rejected_right"].value
    assert found["precision"].value == pytest.approx(shuffled / rejected)
    none = rows["0 % shuffled, utterances", "found by the gate"]
    assert set(none) == {"rejected_right"}
    measures = {row.method: row.figures["auc"].value for row in table.rows if "auc" in row.figures}
    assert list(measures) == ["score"]  # the others were measured nowhere
    assert 0.85 < measures["score"] < 0.97
    page = study_page(STUDY.title, {}, table, settings_.model_dump(mode="json"))
    assert "gave no word at 20\u00a0%" in page
    assert "reproduced: The gate lowers EER with 20 % of the transcripts shuffled" in study_text(STUDY.title, table)
