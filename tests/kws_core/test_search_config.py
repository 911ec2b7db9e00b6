"""Search spaces in presets: dotted names, bounds, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from kws_core.config import Choice, Experiment, SearchConfig, Uniform
from kws_core.config.search_space import perturbed_values, searched_values


def experiment(search: dict[str, Any], **sections: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "searched",
            "corpora": {"demo": {"recipe": "demo"}},
            "selection": {"keywords": ["go"]},
            "search": search,
            **sections,
        }
    )


def test_nested_and_dotted_names_are_the_same_and_the_later_counts() -> None:
    nested = {"loss": {"margin": {"low": 0, "high": 1}}, "sampling": {"samples_per_class": {"choice": [2, 4]}}}
    dotted = {"loss.margin": {"low": 0, "high": 1}, "sampling.samples_per_class": {"choice": [2, 4]}}
    space = SearchConfig.model_validate({"space": nested}).space
    assert space == SearchConfig.model_validate({"space": dotted}).space
    assert space == {"loss.margin": Uniform(low=0, high=1), "sampling.samples_per_class": Choice(choice=(2, 4))}
    both = {"loss.margin": {"low": 0, "high": 0.1}, "loss": {"margin": {"low": 0.2, "high": 0.3}}}
    assert SearchConfig.model_validate({"space": both}).space["loss.margin"] == Uniform(low=0.2, high=0.3)


def test_choices_keep_their_types_through_json() -> None:
    config = SearchConfig.model_validate({"space": {"a.b": {"choice": [1, 1.5, "x", True]}}})
    read = SearchConfig.model_validate_json(config.model_dump_json()).space["a.b"]
    assert isinstance(read, Choice)
    assert [type(value) for value in read.choice] == [int, float, str, bool]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"loss.marg": {"low": 0, "high": 1}}, r"names 'loss.marg', which is unknown: there is no 'marg'"),
        ({"loss.margin.x": {"low": 0, "high": 1}}, r"names 'loss.margin.x', which is unknown"),
        ({"features.hop_s": {"choice": [0.01]}}, r"names 'features.hop_s': what is searched is in loss, training"),
        ({"loss": {"choice": ["softmax"]}}, r"names 'loss': what is searched is in"),
        ({"augmentation.waveform": {"choice": [1]}}, r"names 'augmentation.waveform', a section: name one of speed"),
        ({"training.epochs": {"choice": [3]}}, r"names 'training.epochs', which trials share: search.max_epochs"),
        ({"training.learning_rate": {"low": 0, "high": 1}}, r"training.learning_rate = 0.0 is refused: .*greater than"),
        ({"augmentation.shift_share": {"low": 0, "high": 1.5}}, r"augmentation.shift_share = 1.5 is refused: .*less"),
        ({"sampling.samples_per_class": {"choice": [4, 1]}}, r"sampling.samples_per_class = 1 is refused"),
        ({"sampling.samples_per_class": {"low": 2, "high": 4.5}}, r"is a whole number, so 2 to 4.5 is no range of it"),
        ({"sampling.name": {"low": 0, "high": 1}}, r"sampling.name is no number: list its values"),
        ({"sampling.name": {"choice": ["shuffled", "random"]}}, r"sampling.name = 'random' is refused"),
        ({"encoder.maps": {"choice": [0]}}, r"encoder.maps = 0 is refused"),
        ({"augmentation.waveform.min_snr_db": {"low": 0, "high": 40}}, r"min_snr_db \(40\) cannot exceed max_snr_db"),
        ({"loss.margin": 0.2}, r"what is searched is a range {low, high, log} or {choice"),
        ({"loss.margin": {"low": 0}}, "Field required"),
        ({"loss.margin": {"choice": []}}, "at least 1 item"),
        ({"loss.margin": {"low": 0, "high": 1, "log": True}}, "starts above 0"),
    ],
)
def test_spaces_that_no_trial_could_take_are_refused(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        experiment({"space": space})
    assert len(caught.value.errors()) == 1


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"gpus_per_trial": 1.5}, "gpus_per_trial above 1 must be a whole number, not 1.5"),
        ({"gpus_per_trial": -0.5}, "greater than or equal to 0"),
        ({"cpus_per_trial": 0}, "greater than 0"),
        ({"scheduler": "hyperband"}, "'asha', 'pbt' or 'none'"),
        ({"scheduler": "pbt", "trials": 1}, "pbt needs a population"),
        ({"scheduler": "pbt", "population": {"factors": [0.8, 0]}}, "a factor must be above 0, not 0"),
        ({"scheduler": "pbt", "population": {"replaced_share": 0.6}}, "less than or equal to 0.5"),
        ({"scheduler": "pbt", "space": {"loss.scale": {"low": 1, "high": 2}}}, "names a range of none of them"),
    ],
)
def test_schedulers_and_resources_are_checked(search: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        experiment(search)


def test_fractions_of_a_device_are_taken() -> None:
    config = experiment({"gpus_per_trial": 0.25, "cpus_per_trial": 0.5}).search
    assert (config.gpus_per_trial, config.cpus_per_trial) == (0.25, 0.5)


@pytest.mark.parametrize(
    ("loss", "searched"),
    [
        ("am_softmax", ("loss.scale", "loss.margin", "training.learning_rate")),
        ("normalised_softmax", ("loss.scale", "training.learning_rate")),
        ("triplet", ("loss.margin", "training.learning_rate")),
        ("softmax", ("training.learning_rate",)),
    ],
)
def test_only_what_the_loss_has_is_searched(loss: str, searched: tuple[str, ...]) -> None:
    assert searched_values(experiment({}, loss={"name": loss})) == searched


def test_where_losses_are_searched_what_any_of_them_has_is_too() -> None:
    space = {
        "loss.name": {"choice": ["softmax", "normalised_softmax"]},
        "loss.scale": {"low": 1, "high": 2},
        "loss.margin": {"low": 0.1, "high": 0.2},
    }
    assert searched_values(experiment({"space": space})) == ("loss.name", "loss.scale")


def test_a_population_changes_only_what_a_training_run_can_go_on_with() -> None:
    space = {
        "loss.scale": {"low": 1, "high": 2},
        "loss.margin": {"low": 0.1, "high": 0.2},
        "training.learning_rate": {"low": 0.1, "high": 0.2},
        "training.weight_decay": {"low": 0.1, "high": 0.2},
        "augmentation.gain_db": {"low": 0, "high": 9},
        "augmentation.shift_share": {"choice": [0.1, 0.2]},
        "augmentation.waveform.noise_share": {"low": 0, "high": 1},
    }
    assert perturbed_values(experiment({"space": space})) == (
        "loss.margin",
        "training.learning_rate",
        "augmentation.gain_db",
        "augmentation.waveform.noise_share",
    )
