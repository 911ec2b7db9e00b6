from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from study_builders import SHARED, corpus, study_data

from kws_core.errors import SelectionError
from kws_core.evaluation.open_set import total_accuracy
from kws_core.selection import speaker_split
from kws_core.studies.huh2020 import STUDY, training_spec
from kws_core.studies.huh2020_config import Huh2020Config
from kws_core.studies.huh2020_rows import SEEN, TARGET, UNSEEN, huh_rows
from kws_core.studies.result import CellResult
from kws_core.studies.study import Cell

SENTENCE_WORDS = ("go", "bird", "cat", "about", "again", "house", "other", "people", "seven", "under", "water")
METHODS = {
    "softmax": {
        "loss": {"name": "softmax", "non_targets": "unknown_cluster"},
        "decisions": ["softmax", "centroid", "svm"],
    },
    "AP": {
        "loss": {"name": "angular_prototypical", "non_targets": "unknown_cluster"},
        "sampling": {"name": "episodes", "classes_per_batch": 3, "samples_per_class": 4},
    },
    "AP-FC": {
        "loss": {"name": "ap_fc", "non_targets": "negatives_only"},
        "sampling": {"name": "ap_fc", "non_targets": 3},
    },
}


def settings(**changes) -> Huh2020Config:
    return Huh2020Config.model_validate(
        {
            **SHARED,
            "corpora": {"words": corpus("words"), "sentences": corpus("sentences")},
            "word_corpora": ["words"],
            "sentence_corpora": ["sentences"],
            "targets": ["go", "left"],
            "seen_words": ["bed", "cat"],
            "unseen_words": ["bird", "dog"],
            "selection": {"development_share": 0.2, "test_share": 0.4},
            "methods": METHODS,
            "baseline": "softmax",
            "candidate": "AP-FC",
            "backends": {"svm_c": [1.0], "svm_gamma": [1.0]},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def data():
    return study_data({"words": ("go", "left", "bed", "cat", "bird", "dog", "spare"), "sentences": SENTENCE_WORDS})


@pytest.fixture(scope="module")
def results(data):
    config = settings()
    return [(cell, STUDY.run_cell(data, cell, config, "cpu")) for cell in STUDY.cells(config)]


def test_every_segment_has_its_part(data):
    rows = huh_rows(data, settings(), seed=0)
    for corpus_name, label, part in zip(data.corpora, data.labels, rows.parts, strict=True):
        if corpus_name == "words":
            wanted = {
                "go": TARGET,
                "left": TARGET,
                "bed": SEEN,
                "cat": SEEN,
                "bird": UNSEEN,
                "dog": UNSEEN,
                "spare": "",
            }
            assert part == wanted[label]
        else:
            assert part == {"go": "", "cat": SEEN, "bird": UNSEEN}.get(label, part)
            assert part in ("", SEEN, UNSEEN)
    of_sentences = {
        label: part for label, part in zip(data.labels, rows.parts, strict=True) if label in SENTENCE_WORDS[3:]
    }
    assert set(of_sentences.values()) == {SEEN, UNSEEN}  # half by hash, each word on one side


def test_speakers_are_disjoint_and_unseen_words_are_only_tested(data):
    config = settings()
    rows = huh_rows(data, config, seed=0)
    heard = [set(data.speakers[part].tolist()) for part in (rows.train, rows.development, rows.test)]
    for split, speakers in zip(("train", "development", "test"), heard, strict=True):
        assert speakers
        assert {speaker_split(speaker, config.selection) for speaker in speakers} == {split}
    for part in (rows.train, rows.development):
        assert set(rows.parts[part].tolist()) == {TARGET, SEEN}
    assert set(rows.parts[rows.test].tolist()) == {TARGET, SEEN, UNSEEN}


def test_a_corpus_may_train_or_test_alone(data):
    for use, other in (("train", "test"), ("test", "train")):
        corpora = {"words": corpus("words"), "sentences": {**corpus("sentences"), "use": use}}
        rows = huh_rows(data, settings(corpora=corpora, non_target_ratio=1000), seed=0)
        heard = {"train": rows.train, "test": rows.test}
        assert rows.sentences[heard[use]].any()
        assert not rows.sentences[heard[other]].any()


def test_non_targets_are_limited_and_isolated_words_come_first(data):
    rows = huh_rows(data, settings(non_target_ratio=1.25), seed=0)
    targets = rows.parts[rows.train] == TARGET
    assert (~targets).sum() == round(1.25 * targets.sum())
    everything = huh_rows(data, settings(non_target_ratio=1000), seed=0)
    isolated = {row for row in everything.train.tolist() if not rows.sentences[row]}
    assert isolated <= set(rows.train.tolist())
    none = huh_rows(data, settings(train_on_sentences=False, non_target_ratio=1000), seed=0)
    assert set(none.train.tolist()) == isolated
    assert none.sentences[none.test].any()


def test_recordings_that_occur_twice_count_once(data):
    go = np.flatnonzero((data.labels == "go") & (data.corpora == "words"))[:1]
    twice = np.concatenate([np.arange(len(data.labels)), go])
    fields = {name: getattr(data, name)[twice] for name in data.__dataclass_fields__ if name != "measures"}
    doubled = replace(data, **fields)
    rows = huh_rows(doubled, settings(), seed=0)
    assert rows.parts[go[0]] == TARGET
    assert rows.parts[-1] == ""
    # the same features said to be another word are another recording
    renamed = replace(doubled, labels=np.append(doubled.labels[:-1], "left"))
    assert huh_rows(renamed, settings(), seed=0).parts[-1] == TARGET


def test_rotated_speakers_are_each_tested_once(data):
    shares = {"development_share": 0.2, "test_share": 0.25}
    config = settings(seeds=4, rotate_speakers=True, selection=shares)
    folds = [huh_rows(data, config, seed) for seed in range(4)]
    tested = [set(data.speakers[fold.test].tolist()) for fold in folds]
    assert sum(map(len, tested)) == len(set.union(*tested)) == len(set(data.speakers.tolist()))
    for fold, speakers in zip(folds, tested, strict=True):
        assert not speakers & set(data.speakers[fold.train].tolist())
    assert (folds[0].test == huh_rows(data, settings(selection=shares), seed=3).test).all()
    with pytest.raises(ValidationError, match=r"at most 1, not 5 x 0\.25"):
        settings(seeds=5, rotate_speakers=True, selection=shares)


def test_a_target_without_test_speakers_is_named(data):
    with pytest.raises(SelectionError, match="target 'absent' has no segments of train speakers"):
        huh_rows(data, settings(targets=["go", "absent"]), seed=0)
    with pytest.raises(SelectionError, match="no segment of unseen_words is by a test speaker"):
        huh_rows(data, settings(unseen_words=["absent"], sentence_corpora=[]), seed=0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"unseen_words": ["go"]}, "words are listed twice: go"),
        ({"word_corpora": ["wrods"]}, "word_corpora names wrods"),
        ({"baseline": "crossentropy"}, "method 'crossentropy' is not among methods"),
        ({"methods": {**METHODS, "AP-FC": {**METHODS["AP-FC"], "decisions": ["centroid"]}}}, "must be decided by svm"),
        ({"methods": {**METHODS, "AP": {**METHODS["AP"], "decisions": ["softmax"]}}}, "only the loss softmax decides"),
        ({"methods": {**METHODS, "own": {"loss": {"name": "triplet"}}}}, "the paper's pair selections"),
    ],
)
def test_settings_that_do_not_fit(changes, told):
    with pytest.raises(ValidationError, match=told):
        settings(**changes)


def test_a_method_may_have_its_own_batch_size():
    methods = {**METHODS, "AP": {**METHODS["AP"], "batch_size": 12}}
    assert training_spec(settings(methods=methods), "AP").training.batch_size == 12
    assert training_spec(settings(methods=methods), "softmax").training.batch_size == 16


def test_another_method_keeps_the_cells_of_the_others():
    few, all_of_them = settings(methods={name: METHODS[name] for name in ("softmax", "AP-FC")}), settings()
    assert few.deciding() == all_of_them.deciding()
    cells = STUDY.cells(all_of_them)
    assert len(cells) == 6
    assert all(cell in cells for cell in STUDY.cells(few))
    slower = settings(methods={**METHODS, "AP": {**METHODS["AP"], "batch_size": 12}})
    assert [cell.method for cell in STUDY.cells(slower) if cell not in cells] == ["AP", "AP"]


def test_a_cell_is_repeatable_and_seeds_differ(data, results):
    config = settings()
    cell, result = results[0]
    assert STUDY.run_cell(data, cell, config, "cpu").to_bytes() == result.to_bytes()
    other = next(found for again, found in results if again.method == cell.method and again.seed != cell.seed)
    assert not np.array_equal(other["scores softmax"], result["scores softmax"])
    assert (other["segments"] == result["segments"]).all()


def test_decisions_follow_from_scores_of_the_test_segments(data, results):
    _, result = results[0]
    rows = huh_rows(data, settings(), seed=0)
    assert (result["segments"] == data.segment_ids[rows.test]).all()
    words = [
        ("go", "left").index(label) if part == TARGET else -1
        for label, part in zip(data.labels[rows.test], rows.parts[rows.test], strict=True)
    ]
    assert result["target"].tolist() == words
    for decision in ("softmax", "centroid", "svm"):
        chosen = result[f"decisions {decision}"]
        accepted = chosen >= 0
        assert (chosen[accepted] == result[f"scores {decision}"][accepted].argmax(axis=1)).all()
    assert ((result["scores svm"] > 0).any(axis=1) == (result["decisions svm"] >= 0)).all()
    # the other classes of the softmax take the rest of the probability
    rest = 1 - np.exp(result["scores softmax"].astype(float)).sum(axis=1)
    best = np.exp(result["scores softmax"].max(axis=1))
    assert ((best >= rest) == (result["decisions softmax"] >= 0)).mean() > 0.99


def test_the_table_counts_what_loops_count(results):
    config = settings()
    table = STUDY.table(results, config)
    assert [row.method for row in table.rows[:7]] == [
        *(f"softmax, {decision}" for decision in ("softmax", "centroid", "svm")),
        "AP, centroid",
        "AP, svm",
        "AP-FC, centroid",
        "AP-FC, svm",
    ]
    assert len(table.rows) == 14
    for row in table.rows:
        method, decision = row.method.split(", ")
        sentence = row.test_set == "Non-targets: words of sentences"
        expected = {name: [] for name in ("target", "unseen", "seen")}
        for cell, result in results:
            if cell.method != method:
                continue
            hits = {name: [] for name in expected}
            for place, part in enumerate(result["part"]):
                name = {TARGET: "target", UNSEEN: "unseen", SEEN: "seen"}[part]
                if name == "target" or result["sentence"][place] == sentence:
                    hits[name].append(result[f"decisions {decision}"][place] == result["target"][place])
            for name, found in hits.items():
                expected[name].append(np.mean(found))
        for name, shares in expected.items():
            figure = row.figures[name]
            assert figure.value == pytest.approx(np.mean(shares))
            assert figure.low <= figure.value <= figure.high
        target, unseen = (row.figures[name].value for name in ("target", "unseen"))
        assert row.figures["total_1_to_1"].value == pytest.approx((target + unseen) / 2)
        assert row.figures["total_11_to_1"].value == pytest.approx((11 * target + unseen) / 12)
        assert row.figures["unseen"].count == sum(
            part == UNSEEN and is_sentence == sentence
            for part, is_sentence in zip(results[0][1]["part"], results[0][1]["sentence"], strict=True)
        )
        if row.method != "softmax, softmax":
            baseline = next(found for found in table.rows if found.test_set == row.test_set)
            change = row.figures["unseen"].value - baseline.figures["unseen"].value
            assert row.figures["unseen_change"].value == pytest.approx(change)
        else:
            assert "unseen_change" not in row.figures
    assert len(table.claims) == 5


def test_a_total_is_the_accuracy_of_the_weighted_test_set():
    correct = {"target": [1, 1, 0, 1], "unseen": [0, 1]}
    weighted = 11 / 4 * sum(correct["target"]) + 1 / 2 * sum(correct["unseen"])
    total = total_accuracy(np.array([0.75]), np.array([0.5]), 11)
    assert total[0] == pytest.approx(weighted / 12)


def test_claims_on_constructed_outcomes():
    """A candidate that rejects all unseen words and keeps all targets reproduces every claim."""
    speakers = np.array([f"s{number:02d}" for number in range(30)]).repeat(4)
    part = np.tile([TARGET, TARGET, SEEN, UNSEEN], 30)
    target = np.where(part == TARGET, np.tile([0, 1, 0, 0], 30), -1)
    scores = np.where(target[:, None] == np.arange(2), 1.0, -1.0).astype(np.float32)
    shared = {
        "segments": np.arange(120).astype(str),
        "speakers": speakers,
        "target": target,
        "part": part,
        "sentence": np.zeros(120, bool),
        "training_segments": np.array([20, 10]),
    }
    good = {f"decisions {name}": target for name in ("softmax", "centroid", "svm")}
    bad = {name: np.where(part == UNSEEN, 0, target) for name in good}
    ranked = {f"scores {name}": scores for name in ("softmax", "centroid", "svm")}
    config = settings(seeds=1, sentence_corpora=[])
    results = [
        (Cell(method=method, seed=0), CellResult({**shared, **ranked, **(good if method == "AP-FC" else bad)}))
        for method in METHODS
    ]
    table = STUDY.table(results, config)
    assert [claim.reproduced for claim in table.claims] == ["yes", "yes", "yes"]
    assert table.claims[0].ours.value == 1.0
    swapped = [
        (cell, CellResult({**shared, **ranked, **(bad if cell.method == "AP-FC" else good)})) for cell, _ in results
    ]
    assert [claim.reproduced for claim in STUDY.table(swapped, config).claims] == ["no", "no", "yes"]


def test_a_rotated_table_counts_the_segments_of_all_folds(data):
    methods = {name: METHODS[name] for name in ("softmax", "AP-FC")}
    shares = {"development_share": 0.2, "test_share": 0.3}
    config = settings(rotate_speakers=True, selection=shares, methods=methods)
    results = [(cell, STUDY.run_cell(data, cell, config, "cpu")) for cell in STUDY.cells(config)]
    row = STUDY.table(results, config).rows[0]
    assert row.method == "softmax, softmax"
    folds = [result for cell, result in results if cell.method == "softmax"]
    assert not set(folds[0]["speakers"].tolist()) & set(folds[1]["speakers"].tolist())
    correct = [fold["decisions softmax"] == fold["target"] for fold in folds]
    shares_right = [hits[fold["part"] == TARGET].mean() for fold, hits in zip(folds, correct, strict=True)]
    assert row.figures["target"].value == pytest.approx(np.mean(shares_right))
    assert row.figures["target"].count == sum((fold["part"] == TARGET).sum() for fold in folds)
