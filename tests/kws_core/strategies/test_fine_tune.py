"""Fine-tuning starts from the encoder of a bundle, or says what does not fit."""

import numpy as np
import pytest
import torch
from builders import SPOKEN_ENCODER, SPOKEN_FEATURES

from kws_core.config import FeaturesConfig, SamplingConfig, StrategyConfig, TrainingConfig, TrainingSpec
from kws_core.errors import BundleError, TrainingError
from kws_core.strategies import train
from kws_core.training import fit
from kws_core.training_data import TrainingData

SPEC = TrainingSpec(
    features=SPOKEN_FEATURES,
    encoder=SPOKEN_ENCODER,
    training=TrainingConfig(epochs=1, batch_size=8, learning_rate=1e-3),
)


def noise_data():
    rng = np.random.default_rng(0)
    return TrainingData(
        features=rng.normal(size=(24, 99, 40)).astype(np.float16),
        label_ids=np.arange(24) % 3,
        word_frames=np.tile(np.array([30, 70]), (24, 1)),
        train=np.arange(16),
        trials={},
        classes=3,
        development=np.arange(16, 24),
    )


def strategy(folder):
    return StrategyConfig(name="fine_tune", bundle=str(folder))


def test_it_starts_from_the_weights_of_the_bundle(spoken):
    still = SPEC.model_copy(update={"training": SPEC.training.model_copy(update={"learning_rate": 1e-30})})
    result = train(noise_data(), still, strategy(spoken.bundle.folder), 0)
    for (name, value), expected in zip(result.encoder.named_parameters(), spoken.encoder.parameters(), strict=True):
        assert torch.equal(value, expected), name
    same = fit(noise_data(), SPEC, 0, initial=spoken.encoder.state_dict())
    tuned = train(noise_data(), SPEC, strategy(spoken.bundle.folder), 0)
    for name, value in tuned.encoder.state_dict().items():
        assert torch.equal(value, same.encoder.state_dict()[name]), name


def test_another_encoder_or_other_features_are_named(spoken):
    encoder = SPOKEN_ENCODER.model_copy(update={"embedding_dim": 32, "maps": 17})
    features = FeaturesConfig(low_hz=50)
    spec = SPEC.model_copy(update={"encoder": encoder, "features": features})
    with pytest.raises(TrainingError) as raised:
        train(noise_data(), spec, strategy(spoken.bundle.folder), 0)
    said = str(raised.value)
    assert "'tiny'" in said
    for part in ("features.low_hz is 20.0 there and 50.0 here", "encoder.maps is 16 there and 17 here"):
        assert part in said
    assert "encoder.embedding_dim is 24 there and 32 here" in said
    assert "sampling" not in said
    assert "\n" not in said


def test_a_bundle_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no bundle there"):
        train(noise_data(), SPEC, strategy(tmp_path), 0)


def test_it_resumes(spoken):
    spec = SPEC.model_copy(
        update={"training": SPEC.training.model_copy(update={"epochs": 3}), "sampling": SamplingConfig()}
    )
    kept = []
    whole = train(noise_data(), spec, strategy(spoken.bundle.folder), 1, lambda report, dump: kept.append(dump()))
    for checkpoint in kept:
        resumed = train(noise_data(), spec, strategy(spoken.bundle.folder), 1, checkpoint=checkpoint)
        assert resumed.history == whole.history
        for name, value in resumed.encoder.state_dict().items():
            assert torch.equal(value, whole.encoder.state_dict()[name]), name
