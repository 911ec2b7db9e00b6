from typing import Any

import pytest
from pydantic import ValidationError

from kws_core import errors
from kws_core.config import (
    AlignmentGateConfig,
    CommonVoiceCorpusConfig,
    DemoCorpusConfig,
    Experiment,
    FeaturesConfig,
    IngestConfig,
    LossConfig,
    ManifestCorpusConfig,
    SearchConfig,
    SegmentsConfig,
    SelectionConfig,
    StrategyConfig,
    TrainingConfig,
    Uniform,
    WaveformAugmentationConfig,
)
from kws_core.config.drop import DropConfig


def test_every_error_is_a_kws_error_with_a_line_of_its_own() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(found) == 15
    assert all(issubclass(error, errors.KwsError) and error.__doc__ for error in found)
    assert issubclass(errors.AudioError, errors.CorpusError)
    assert all(error.__name__ in (errors.__doc__ or "") for error in found)


def test_corpora_are_told_apart_by_their_recipe() -> None:
    experiment = Experiment.model_validate(
        {
            "name": "x",
            "purpose": "enrolment",
            "corpora": {
                "a": {"recipe": "demo", "use": "test"},
                "b": {"recipe": "manifest", "path": "t.tsv", "include": ["w/*"]},
            },
        }
    )
    assert isinstance(experiment.corpora["a"], DemoCorpusConfig)
    assert isinstance(experiment.corpora["b"], ManifestCorpusConfig)
    assert experiment.corpora["b"].include == ("w/*",)
    assert experiment.test_corpora == {"a"}


def test_an_experiment_cannot_be_changed() -> None:
    experiment = Experiment.model_validate({"name": "x", "purpose": "enrolment", "corpora": {"a": {"recipe": "demo"}}})
    with pytest.raises(ValidationError, match="frozen"):
        experiment.seed = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        experiment.training.epochs = 3  # type: ignore[misc]


def test_defaults_are_those_of_the_paper() -> None:
    features, segments = FeaturesConfig(), SegmentsConfig()
    assert (features.frames, features.coefficients, features.window_s, features.hop_s) == (99, 40, 0.02, 0.01)
    assert (segments.min_duration_s, segments.max_duration_s, segments.min_label_characters) == (0.5, 1.0, 2)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (FeaturesConfig, {"coefficients": 41}, r"coefficients \(41\) cannot exceed mel_bins \(40\)"),
        (FeaturesConfig, {"kind": "log_mel", "coefficients": 13}, "set coefficients = mel_bins"),
        (FeaturesConfig, {"high_hz": 8001}, "low_hz < high_hz <= 8000 is needed, not 20.0, 8001.0"),
        (FeaturesConfig, {"low_hz": 500, "high_hz": 400}, "low_hz < high_hz"),
        (FeaturesConfig, {"window_s": 0}, "greater than 0"),
        (SelectionConfig, {"development_share": 0.5, "test_share": 0.5}, "leave speakers to train on"),
        (SelectionConfig, {"keywords": ["go", "stop", "go"]}, "keywords are listed twice: go"),
        (IngestConfig, {"min_duration_s": 2, "max_duration_s": 1}, r"min_duration_s \(2\) cannot exceed"),
        (SegmentsConfig, {"min_duration_s": 2}, r"min_duration_s \(2\) cannot exceed max_duration_s \(1\)"),
        (SearchConfig, {"max_epochs": 1}, r"grace_epochs \(2\) cannot exceed max_epochs \(1\)"),
        (SearchConfig, {"encoders": []}, "at least 1 item"),
        (Uniform, {"low": 2, "high": 1}, r"low \(2\) cannot exceed high \(1\)"),
        (Uniform, {"low": 0, "high": 1, "log": True}, "starts above 0, not at 0"),
        (DemoCorpusConfig, {"speakers": 0}, "greater than or equal to 1"),
        (LossConfig, {"name": "nonsense"}, "unknown loss 'nonsense': use softmax, weighted_softmax"),
        (TrainingConfig, {"repeats": {"real": 0}}, "repeats of corpus 'real' is 0; 1 is the least"),
        (StrategyConfig, {"name": "fine_tune"}, r"fine_tune and strategy\.bundle go together"),
        (StrategyConfig, {"bundle": "universal"}, r"fine_tune and strategy\.bundle go together"),
        (WaveformAugmentationConfig, {"min_snr_db": 40}, r"min_snr_db \(40\) cannot exceed max_snr_db \(30\)"),
        (IngestConfig, {"part_bytes": 64, "parts": 3}, "Extra inputs are not permitted"),
        (AlignmentGateConfig, {"score": {"word_low": 0}}, "greater than 0"),
        (AlignmentGateConfig, {"energy": {"word_low": 3}}, "Extra inputs are not permitted"),
    ],
)
def test_values_that_cannot_work_are_refused(section: type, values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        section.model_validate(values)


@pytest.mark.parametrize("name", ["Demo", "a b", "../a", "", "-a"])
def test_names_that_no_registry_accepts_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        Experiment.model_validate({"name": name, "purpose": "enrolment", "corpora": {"a": {"recipe": "demo"}}})


def test_an_experiment_has_keywords_or_says_that_it_needs_none() -> None:
    base = {"name": "a", "corpora": {"a": {"recipe": "demo"}}}
    with pytest.raises(
        ValidationError, match=r"selection\.keywords is empty: name at least one keyword, or set purpose"
    ):
        Experiment.model_validate(base)
    with pytest.raises(ValidationError, match="purpose enrolment makes an encoder without keywords"):
        Experiment.model_validate({**base, "purpose": "enrolment", "selection": {"keywords": ["go"]}})
    assert Experiment.model_validate({**base, "purpose": "enrolment"}).selection.keywords == ()


def test_corpora_are_known_by_their_use() -> None:
    corpora = {use: {"recipe": "demo", "use": use} for use in ("split", "train", "test")}
    experiment = Experiment.model_validate({"name": "a", "purpose": "enrolment", "corpora": corpora})
    assert (experiment.test_corpora, experiment.training_corpora) == (frozenset({"test"}), frozenset({"train"}))


def test_official_splits_need_a_corpus_that_has_some() -> None:
    corpora = {"a": {"recipe": "fsdd", "use": "official"}, "b": {"recipe": "librispeech"}}
    experiment = Experiment.model_validate({"name": "a", "purpose": "enrolment", "corpora": corpora})
    assert experiment.official_corpora == {"a"}
    corpora["b"] = {"recipe": "demo", "use": "official"}
    with pytest.raises(ValidationError, match=r"use: official needs a corpus that comes with .*; recipe demo has none"):
        Experiment.model_validate({"name": "a", "purpose": "enrolment", "corpora": corpora})


def test_the_aligner_of_a_corpus_follows_its_language() -> None:
    english = CommonVoiceCorpusConfig(path="cv-corpus-en.tar.gz")
    assert (english.aligner, english.language) == ("pocketsphinx", "en")
    assert CommonVoiceCorpusConfig(path="cv-corpus-de.tar.gz", language="de").aligner == "mfa"
    assert CommonVoiceCorpusConfig(path="a", language="de", aligner="whole_clip").aligner == "whole_clip"
    # a drop names none itself, and takes any language
    source = {"recipe": "common_voice", "path": "cv-corpus-cy.tar.gz", "language": "cy"}
    assert DropConfig.model_validate({"corpus": "welsh", "drop": "2026-11-22", "source": source})
    with pytest.raises(ValidationError, match="aligner is no setting of a drop"):
        DropConfig.model_validate({"corpus": "welsh", "drop": "2026-11-22", "source": {**source, "aligner": "mfa"}})


WITH_NOISE: dict[str, Any] = {
    "name": "a",
    "purpose": "enrolment",
    "corpora": {"words": {"recipe": "demo"}, "rain": {"recipe": "manifest", "path": "x.tsv", "use": "noise"}},
    "training": {"input": "waveforms"},
    "augmentation": {"waveform": {"noise_share": 0.5}},
}


def test_noise_corpora_are_known_and_serve_for_nothing_else() -> None:
    experiment = Experiment.model_validate(WITH_NOISE)
    assert experiment.noise_corpora == {"rain"}
    assert not experiment.test_corpora | experiment.training_corpora
    without = Experiment.model_validate({**WITH_NOISE, "corpora": {"words": {"recipe": "demo"}}})
    assert without.noise_corpora == frozenset()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"training": {}}, "corpus 'rain' has use: noise, which is added to waveforms: .* not features, or leave"),
        ({"augmentation": {}}, r"corpus 'rain' has use: noise, but augmentation\.waveform\.noise_share is 0"),
        (
            {"training": {"input": "waveforms", "repeats": {"rain": 2}}},
            r"training\.repeats names 'rain', a noise corpus",
        ),
        (
            {"corpora": {"rain": WITH_NOISE["corpora"]["rain"]}},
            "all corpora have use: noise; at least one must have words",
        ),
        (
            {"corpora": {"words": {"recipe": "demo"}, "rain": {"recipe": "demo", "use": "noise"}}},
            "corpus 'rain' has use: noise, but recordings of recipe demo cannot serve as noise",
        ),
    ],
)
def test_noise_that_nothing_would_read_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Experiment.model_validate({**WITH_NOISE, **changed})


def test_repeats_name_a_corpus_that_is_there() -> None:
    values = {
        "name": "a",
        "purpose": "enrolment",
        "corpora": {"a": {"recipe": "demo"}},
        "training": {"repeats": {"b": 2}},
    }
    with pytest.raises(ValidationError, match=r"training\.repeats names 'b'; the corpora are a"):
        Experiment.model_validate(values)
