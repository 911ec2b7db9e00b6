"""Streams made, embedded and judged as tasks, on a real local Ray."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

TESTS = Path(__file__).parents[1] / "kws_core"
sys.path[:0] = [str(TESTS), str(TESTS / "evaluation" / "streams")]
from stream_corpus import make_corpus  # noqa: E402

from kws_core.bundle import CENTROIDS, ENCODER, WEIGHTS, Bundle, tensor_bytes, write_bundle  # noqa: E402
from kws_core.config import EncoderConfig, Experiment, FeaturesConfig  # noqa: E402
from kws_core.encoders import build_encoder  # noqa: E402
from kws_core.evaluation.streams.build import STAGE  # noqa: E402
from kws_core.onnx_export import export_onnx  # noqa: E402
from tasks.judge_streams import embed_streams, judge_streams  # noqa: E402
from tasks.places import Places  # noqa: E402
from tasks.streams import StreamSets, make_streams  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
    pytest.mark.usefixtures("local_ray"),
]
ENCODER_CONFIG = EncoderConfig(name="res15", maps=4, stem_pooling=(6, 5), embedding_dim=4)


def experiment(**changes: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "streams",
            "corpora": {"split": {"recipe": "manifest", "path": "words.tsv"}},
            "selection": {"keywords": ["go"]},
            "streams": {"speech_minutes": 1, "noise_minutes": 0.1, "segments_per_keyword": 2, "snr_db": [10]},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Places, tuple[str, ...]]:
    places = Places.in_workspace(tmp_path_factory.mktemp("streams"))
    return places, tuple(manifest.fingerprint for manifest in make_corpus(places.store()).values())


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """An untrained encoder with one random centroid."""
    folder = tmp_path_factory.mktemp("bundle")
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER_CONFIG, FeaturesConfig()).eval()
    export_onnx(encoder, FeaturesConfig(), folder / "encoder.onnx")
    contents = {
        ENCODER: (folder / "encoder.onnx").read_bytes(),
        WEIGHTS: tensor_bytes({name: value.detach().numpy() for name, value in encoder.state_dict().items()}),
        CENTROIDS: tensor_bytes({"centroids": np.full((1, 4), 0.5, np.float32)}),
    }
    description = {
        "name": "random",
        "keywords": ("go",),
        "keyword_durations_s": (0.5,),
        "decision": "centroid",
        "thresholds": {"centroid": (-2.0,)},
        "operating_point": {"far": 0.02, "non_target_segments": 9, "speakers": 3},
        "features": FeaturesConfig().model_dump(mode="json"),
        "encoder": ENCODER_CONFIG.model_dump(mode="json"),
        "datasets": {"segments": "0" * 64},
        "licences": (),
        "metrics": {},
    }
    return write_bundle(folder / "bundle", contents, description)


def test_only_what_is_asked_for_is_made(given: tuple[Places, tuple[str, ...]]) -> None:
    places, datasets = given
    none = experiment(purpose="enrolment", selection={})
    assert make_streams.fn(places, none, *datasets) == StreamSets()
    off = experiment(streams={"enabled": False})
    assert make_streams.fn(places, off, *datasets) == StreamSets()
    test = make_streams.fn(places, experiment(), *datasets)
    assert test.test
    assert not test.development
    both = make_streams.fn(places, experiment(backends={"max_false_alarms_per_hour": 5}), *datasets)
    assert both.test == test.test
    store = places.store()
    heard = {
        name: {
            speaker for row in store.read_table(store.dataset(STAGE, key)).to_pylist() for speaker in row["speakers"]
        }
        for name, key in both.model_dump().items()
    }
    assert heard == {"test": {"anna", "ben"}, "development": {"dora"}}


def test_a_bundle_is_judged_once(given: tuple[Places, tuple[str, ...]], bundle: Bundle) -> None:
    places, datasets = given
    store, streams = places.store(), make_streams.fn(places, experiment(), *datasets).test
    first = judge_streams(store, streams, bundle, seed=0)
    assert first is not None
    assert first.frr.count == 2
    # everything is accepted: one long detection in each of the four streams, wherever its best window is
    assert first.false_alarms.count + round(2 * (1 - first.frr.value)) == 4
    assert first.false_alarms.hours == pytest.approx(
        sum(row["duration_s"] for row in store.read_table(store.dataset(STAGE, streams)).to_pylist()) / 3600
    )
    assert set(first.metrics()) >= {"streams.hours", "streams.frr", "streams.false_alarms_per_hour"}
    assert repr(judge_streams(store, streams, bundle, seed=0)) == repr(first)
    embedded = embed_streams(store, streams, bundle.encoder_path.read_bytes(), FeaturesConfig())
    assert [stream.facts.kind for stream in embedded] == ["speech", "noise", "keywords in speech", "keywords in noise"]
    for stream in embedded:
        assert stream.embeddings.shape == (1 + round(stream.facts.duration_s * 16000) // 1280, 4)


def test_nothing_is_judged_without_streams_or_keywords(given: tuple[Places, tuple[str, ...]], bundle: Bundle) -> None:
    assert judge_streams(given[0].store(), "", bundle, seed=0) is None
