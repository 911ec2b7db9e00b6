"""Two-stage training: pseudo-classes, the stages, the choice between them, and resuming in any of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import NO_AUGMENTATION, SMALL_ENCODER, SMALL_FEATURES, toy_data

from kws_core.clustering import pseudo_classes
from kws_core.config import LossConfig, SamplingConfig, StrategyConfig, TrainingConfig, TrainingSpec
from kws_core.errors import TrainingError
from kws_core.strategies import train
from kws_core.strategies.pseudo_classes import split_background
from kws_core.strategies.two_stage import CLASSIFIER, END_TO_END, PRETRAINING
from kws_core.training import fit

TWO_STAGE = StrategyConfig(name="two_stage", pretraining_epochs=3)
SPEC = TrainingSpec(
    features=SMALL_FEATURES,
    encoder=SMALL_ENCODER,
    loss=LossConfig(name="supervised_contrastive"),
    sampling=SamplingConfig(name="episodes", classes_per_batch=3, samples_per_class=3),
    training=TrainingConfig(epochs=2, batch_size=8, learning_rate=5e-3),
    augmentation=NO_AUGMENTATION,
)
WEIGHTED = LossConfig(name="weighted_softmax")


def imbalanced(noise=2.0):
    """Two rare classes of 6 segments and a background of 24; no trials."""
    data = toy_data(noise=noise)
    merged = np.array([2, 2, 0, 1])
    label_ids = np.where(data.label_ids >= 0, merged[data.label_ids], -1)
    rare = [row for label in (0, 1) for row in np.flatnonzero(label_ids == label) if row in data.train][::2]
    background = [row for row in data.train if label_ids[row] == 2]
    return replace(
        data,
        label_ids=label_ids,
        train=np.sort(np.array([*rare, *background])),
        trials={},
        classes=3,
        class_names=("go", "up", "<background>"),
        background=2,
    )


def all_weights(result):
    tensors = {**result.encoder.state_dict(prefix="encoder."), **result.loss.state_dict(prefix="loss.")}
    return {name: value.numpy().tobytes() for name, value in tensors.items()}


def test_background_is_split_into_clusters_of_the_size_of_the_rare_classes():
    data = imbalanced()
    split = split_background(data, 0, seed=1)
    assert split.classes == 3 + 24 // 6 - 1
    assert split.class_names == ("go", "up", "<background>", "<background> 2", "<background> 3", "<background> 4")
    pool = [row for row in data.train if data.label_ids[row] == 2]
    statistics = np.array(
        [
            [*data.features[row].astype(float).mean(axis=0), *data.features[row].astype(float).std(axis=0)]
            for row in pool
        ]
    )
    scaled = ((statistics - statistics.mean(axis=0)) / statistics.std(axis=0)).astype(np.float32)
    clusters = pseudo_classes(scaled, 4, 1)
    for row, cluster in zip(pool, clusters, strict=True):
        assert split.label_ids[row] == (2 if cluster == 0 else 2 + cluster)
    others = np.setdiff1d(np.arange(len(data.label_ids)), pool)
    np.testing.assert_array_equal(split.label_ids[others], data.label_ids[others])
    assert (data.label_ids[split.development] != 2).all()
    assert len(split.development) == (data.label_ids[data.development] != 2).sum()


def test_the_number_of_clusters_can_be_set_and_one_changes_nothing():
    data = imbalanced()
    assert split_background(data, 7, seed=0).classes == 9
    assert split_background(data, 1, seed=0) is data


def test_data_without_background_stays_as_it_is():
    data = replace(imbalanced(), background=-1)
    assert split_background(data, 0, seed=0) is data
    with pytest.raises(TrainingError, match="background_clusters is 3, but no training segment is background"):
        split_background(data, 3, seed=0)


def test_the_stages_are_those_of_the_paper_and_the_better_one_is_delivered():
    data = imbalanced()
    result = train(data, SPEC, TWO_STAGE, seed=0)
    assert [report.stage for report in result.history] == [PRETRAINING] * 3 + [CLASSIFIER] * 2 + [END_TO_END] * 2
    assert [report.epoch for report in result.history] == list(range(1, 8))

    longer = SPEC.model_copy(update={"training": SPEC.training.model_copy(update={"epochs": 3})})
    pretrained = fit(split_background(data, 0, 0), longer, 0).encoder.state_dict()
    classifier = SPEC.model_copy(update={"loss": WEIGHTED, "sampling": SamplingConfig()})
    options = {"initial": pretrained, "judged_by": "classes"}
    frozen = fit(data, classifier, 0, freeze_encoder=True, **options)
    whole = fit(data, classifier, 0, **options)
    for name, value in frozen.encoder.state_dict().items():
        assert torch.equal(value, pretrained[name]), name
    costs = {CLASSIFIER: frozen.delivered.cost, END_TO_END: whole.delivered.cost}
    assert [report.cost for report in result.history[4::2]] == list(costs.values())
    better = frozen if costs[CLASSIFIER] <= costs[END_TO_END] else whole
    assert all_weights(result) == all_weights(better)
    assert result.delivered.stage == min(costs, key=costs.get)
    assert result.delivered.cost == min(costs.values())
    # the classes' weights are those of the classes as they are, not of the clusters
    assert result.loss.class_weights.tolist() == pytest.approx([36 / (3 * 6), 36 / (3 * 6), 36 / (3 * 24)])


@pytest.mark.parametrize("extra", [{}, {"ema_decay": 0.9, "patience": 1}], ids=["plain", "average, best kept"])
def test_a_run_killed_in_any_stage_ends_like_an_undisturbed_one(extra):
    data = imbalanced(noise=3.0)
    loss = LossConfig(name="am_softmax", scale=10, margin=0.1)  # with a classifier, so that every stage has a cost
    training = SPEC.training.model_copy(update={"batch_size": 16, **extra})
    spec = SPEC.model_copy(update={"loss": loss, "sampling": SamplingConfig(), "training": training})
    checkpoints = []
    whole = train(data, spec, TWO_STAGE, 3, lambda report, dump: checkpoints.append((report, dump())))
    assert [report for report, _ in checkpoints] == whole.history
    for report, checkpoint in checkpoints:
        seen = []
        resumed = train(data, spec, TWO_STAGE, 3, lambda report, dump, seen=seen: seen.append(report), checkpoint)
        assert seen == whole.history[report.epoch :]
        assert resumed.history == whole.history
        assert resumed.delivered == whole.delivered
        assert all_weights(resumed) == all_weights(whole)


def test_a_checkpoint_of_another_strategy_is_refused():
    data, kept = imbalanced(), []
    train(data, SPEC, TWO_STAGE, 0, lambda report, dump: kept.append(dump()))
    with pytest.raises(TrainingError, match="not of the kind"):
        train(data, SPEC, StrategyConfig(), 0, checkpoint=kept[0])
    other = StrategyConfig(name="two_stage", pretraining_epochs=2)
    with pytest.raises(TrainingError, match=r"strategy\.pretraining_epochs is 3 there and 2 here"):
        train(data, SPEC, other, 0, checkpoint=kept[0])


def test_what_two_stages_cannot_do_is_refused():
    data = imbalanced()
    with pytest.raises(TrainingError, match="two_stage needs development rows"):
        train(replace(data, development=np.empty(0, np.int64)), SPEC, TWO_STAGE, 0)
    clustered = LossConfig(name="supervised_contrastive", non_targets="negatives_only")
    with pytest.raises(TrainingError, match=r"needs loss\.non_targets = own_class, not negatives_only"):
        train(replace(data, targets=(0, 1)), SPEC.model_copy(update={"loss": clustered}), TWO_STAGE, 0)


def test_one_stage_is_fit():
    data = toy_data()
    spec = SPEC.model_copy(update={"loss": LossConfig(scale=10), "sampling": SamplingConfig()})
    assert all_weights(train(data, spec, StrategyConfig(), 5)) == all_weights(fit(data, spec, 5))
