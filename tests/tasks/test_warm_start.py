"""`strategy.bundle: champion`: a retrain starts from the champion where it can, and says where it cannot."""

import json

import pytest
import torch

from kws_core.bundle import CENTROIDS, ENCODER, SVM, WEIGHTS, tensor_bytes, write_bundle
from kws_core.config import EncoderConfig, Experiment, FeaturesConfig, StrategyConfig, TrainingSpec
from kws_core.encoders import build_encoder
from kws_core.strategies.fine_tune import open_starting_bundle, starting_weights
from tasks import registry
from tasks.places import Places
from tasks.starting_bundle import pin_starting_bundle, with_local_bundle
from tasks.training_input import TrainingInput
from tasks.warm_start import warm_start

GIVEN = TrainingInput(features="f", selection="s", pairs="p")
SMALL, OTHER = (EncoderConfig(name="res15", maps=maps, stem_pooling=(4, 3), embedding_dim=8) for maps in (4, 5))


@pytest.fixture
def places(tmp_path):
    return Places.in_workspace(tmp_path / "run")


def experiment_of(*encoders, **values):
    return Experiment.model_validate(
        {
            "name": "kws",
            "purpose": "enrolment",
            "corpora": {"a": {"recipe": "manifest", "path": "a.tsv"}},
            "strategy": {"name": "fine_tune", "bundle": "champion"},
            "search": {"encoders": [encoder.model_dump(mode="json") for encoder in encoders]},
            **values,
        }
    )


def promote(places, folder, encoder):
    """Register a bundle with this encoder and make it champion; returns it."""
    torch.manual_seed(0)
    network = build_encoder(encoder, FeaturesConfig())
    description = {
        "name": "kws",
        "keywords": ("go",),
        "keyword_durations_s": (0.4,),
        "decision": "centroid",
        "thresholds": {"centroid": (0.5,), "svm": (0.0,)},
        "operating_point": {"far": 0.02, "non_target_segments": 9, "speakers": 3},
        "features": FeaturesConfig().model_dump(mode="json"),
        "encoder": encoder.model_dump(mode="json"),
        "datasets": {},
        "licences": ("CC0-1.0",),
        "metrics": {},
    }
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    contents = {name: name.encode() for name in (ENCODER, CENTROIDS, SVM)} | {WEIGHTS: tensor_bytes(weights)}
    bundle = write_bundle(folder / "bundle", contents, description)
    client = registry.client(places.tracking_uri)
    if registry.version_by_alias(client, "kws", "champion") is None:
        client.create_registered_model("kws")
    version = client.create_model_version("kws", str(folder)).version
    client.set_registered_model_alias("kws", registry.CHAMPION, str(version))
    return bundle


def stated(capsys):
    """What was printed, without line breaks."""
    return " ".join(capsys.readouterr().err.split())


def said(places):
    """The decisions that the store keeps."""
    folder = places.workspace / "store" / "documents" / "warm_start"
    return [json.loads(path.read_text())["said"] for path in sorted(folder.iterdir())]


def test_it_starts_from_the_champion_whatever_becomes_of_the_alias(places, tmp_path, capsys):
    bundle = promote(places, tmp_path / "first", SMALL)
    experiment = experiment_of(OTHER, SMALL)
    started = warm_start.fn(places, experiment, GIVEN)
    assert started.strategy == StrategyConfig(name="fine_tune", bundle="models:/kws/1")
    assert started.search.encoders == (SMALL,)
    line = "from the champion, version 1, encoder res15"
    assert line in stated(capsys)
    assert said(places) == [line]
    key = pin_starting_bundle(places, started.strategy)
    assert key == bundle.fingerprint
    local = open_starting_bundle(with_local_bundle(places, started.strategy, key).bundle)
    weights = starting_weights(local, TrainingSpec(encoder=SMALL))
    assert weights.keys() == build_encoder(SMALL, FeaturesConfig()).state_dict().keys()
    # a rerun on the same data is the same run, also when its own result serves by then; new data looks again
    promote(places, tmp_path / "second", SMALL)
    assert warm_start.fn(places, experiment, GIVEN) == started
    anew = warm_start.fn(places, experiment, GIVEN.model_copy(update={"features": "more"}))
    assert anew.strategy.bundle == "models:/kws/2"


def test_fresh_weights_where_there_is_no_champion_or_another_one(places, tmp_path, capsys):
    first = warm_start.fn(places, experiment_of(SMALL), GIVEN)
    assert first.strategy == StrategyConfig()
    assert "fresh weights: kws has no champion" in stated(capsys)
    promote(places, tmp_path / "first", OTHER)
    more = GIVEN.model_copy(update={"features": "more"})
    second = warm_start.fn(places, experiment_of(SMALL), more)
    assert second.strategy == StrategyConfig()
    assert second.search.encoders == (SMALL,)
    assert "encoder.maps is 5 there and 4 here" in stated(capsys)
    features = FeaturesConfig(low_hz=50).model_dump(mode="json")
    third = warm_start.fn(places, experiment_of(OTHER, features=features), more)
    assert third.strategy == StrategyConfig()
    assert "features.low_hz is 20.0 there and 50.0 here" in stated(capsys)
    assert len(said(places)) == 3


def test_other_strategies_stay_as_they_are(places):
    for strategy in ({"name": "single_stage"}, {"name": "fine_tune", "bundle": "universal"}):
        experiment = experiment_of(SMALL, strategy=strategy)
        assert warm_start.fn(places, experiment, GIVEN) is experiment
    assert not (places.workspace / "store").exists()
