"""An encoder that listens: a hop of samples and its state in, the newest window's embedding and the next state out."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.detector import HOP_S
from kws_core.errors import ConfigError
from kws_core.features.frontend import Frontend
from kws_core.incremental.split import EMBEDDINGS, FEATURES
from kws_core.onnx_export.embedding_half import embedding_dim, embedding_half
from kws_core.onnx_export.frontend import write_frontend
from kws_core.onnx_export.graph import INPUT, IR_VERSION, OPSET, Graph

HOP_SAMPLES = round(HOP_S * SAMPLE_RATE_HZ)
SAMPLES_IN, FRAMES_IN, SAMPLES_OUT, FRAMES_OUT = "samples_in", "frames_in", "samples_out", "frames_out"


def streaming_model(encoder: bytes, features: FeaturesConfig) -> bytes:
    """Make an `encoder.onnx` into one with explicit state.

    Inputs `pcm [batch, 1280]`, a hop of 80 ms, full scale 1, `samples_in [batch, samples]` and `frames_in [batch,
    frames, coeff]`; outputs `embeddings [batch, dim]` of the last second, `samples_out` and `frames_out`, to be given
    with the next hop. Zeros begin a stream. Features are computed once a frame. The embedding is that of the window as
    a whole from the first hop on whose frames are all heard: `first_whole_hop` counts them.

    Raises:
        ConfigError: frames do not fit the hop.
        BundleError: it is not an encoder that `export_onnx` wrote.
    """
    frontend = Frontend(features)
    frames, hop_frames = _frames(frontend)
    embedding = onnx.load_model_from_string(embedding_half(encoder, features)).graph
    kept = frontend.window_samples - frontend.hop_samples
    graph = Graph()
    heard = graph.add("Concat", SAMPLES_IN, INPUT, axis=1)
    new = write_frontend(graph, frontend, heard, kept + HOP_SAMPLES)
    graph.add("Concat", FRAMES_IN, new, axis=1, output=FEATURES)
    ends = [graph.constant([value], np.int64) for value in (HOP_SAMPLES, kept + HOP_SAMPLES, 1)]
    graph.add("Slice", heard, *ends, output=SAMPLES_OUT)
    ends = [graph.constant([value], np.int64) for value in (hop_frames, frames, 1)]
    graph.add("Slice", FEATURES, *ends, output=FRAMES_OUT)
    graph.append(embedding, "encoder_", {FEATURES: FEATURES, EMBEDDINGS: EMBEDDINGS})
    state = {SAMPLES_IN: kept, SAMPLES_OUT: kept}, (frames - hop_frames, features.coefficients)
    return _close(graph, state, embedding)


def first_whole_hop(features: FeaturesConfig) -> int:
    """Hops until all frames of the window are of what was heard since the stream began."""
    frontend = Frontend(features)
    frames, hop_frames = _frames(frontend)
    kept = frontend.window_samples - frontend.hop_samples
    return -(-(frames + -(-kept // frontend.hop_samples)) // hop_frames)


def _frames(frontend: Frontend) -> tuple[int, int]:
    hop_frames, rest = divmod(HOP_SAMPLES, frontend.hop_samples)
    if rest or frontend.window_samples < frontend.hop_samples:
        raise ConfigError(
            f"features.hop_s of {frontend.hop_samples / SAMPLE_RATE_HZ} must divide the hop of {HOP_S} s and not "
            "exceed window_s, for a model that listens"
        )
    return frontend.count_frames(SAMPLE_RATE_HZ), hop_frames


def _close(graph: Graph, state: tuple[dict[str, int], tuple[int, int]], embedding: Any) -> bytes:
    samples, frame_shape = state

    def value(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    inputs = [value(INPUT, HOP_SAMPLES), value(SAMPLES_IN, samples[SAMPLES_IN]), value(FRAMES_IN, *frame_shape)]
    dim = embedding_dim(embedding)
    outputs = [value(EMBEDDINGS, dim), value(SAMPLES_OUT, samples[SAMPLES_OUT]), value(FRAMES_OUT, *frame_shape)]
    made = helper.make_graph(graph.nodes, "listening encoder", inputs, outputs, graph.constants)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="kws-foundry")
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
