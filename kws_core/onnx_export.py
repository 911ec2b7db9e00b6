"""One self-contained ONNX file from PCM to embedding."""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.encoders import Encoder
from kws_core.encoders.normalisation import SubSpectralNorm
from kws_core.features.frontend import Frontend

OPSET = 18
INPUT = "pcm"
OUTPUT = "embeddings"


class WaveformEncoder(nn.Module):
    """Frontend, a copy of the encoder and length normalisation: `pcm [batch, samples]` to unit `embeddings`."""

    def __init__(self, encoder: Encoder, features: FeaturesConfig) -> None:
        super().__init__()
        self.frontend = Frontend(features)
        self.encoder = copy.deepcopy(encoder)

    def forward(self, pcm: Tensor) -> Tensor:
        """Embed `pcm [batch, samples]`, float32 with full scale +-1."""
        return nn.functional.normalize(self.encoder(self.frontend(pcm)), dim=1)


def export_onnx(encoder: Encoder, features: FeaturesConfig, path: Path) -> None:
    """Write the encoder in evaluation mode, its features included, as one ONNX file.

    Input `pcm [batch, 16000]` (float32, full scale +-1, any batch), output `embeddings [batch, dim]` of length 1.
    The file holds its weights and no paths or traces: equal weights give equal bytes. Nothing is printed. The encoder
    itself is left alone.
    """
    model = WaveformEncoder(encoder, features).cpu().eval().requires_grad_(False)
    _freeze_norms(model)
    with _quiet():
        program = torch.onnx.export(
            model,
            (torch.zeros(2, SAMPLE_RATE_HZ),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - torch returns None only for its older exporter
    proto = program.model_proto
    _strip(proto)
    onnx.checker.check_model(proto)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(proto.SerializeToString(deterministic=True))
    temporary.replace(path)


class _Affine(nn.Module):
    """What a norm does in evaluation mode, with its constants worked out."""

    def __init__(self, norm: SubSpectralNorm) -> None:
        super().__init__()
        self.scale, self.shift = (nn.Parameter(value.contiguous(), requires_grad=False) for value in norm.affine())

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.scale + self.shift


def _freeze_norms(module: nn.Module) -> None:
    """Replace the norms by constants: the exporter's time goes by the number of operations."""
    for name, child in module.named_children():
        if isinstance(child, SubSpectralNorm):
            setattr(module, name, _Affine(child))
        else:
            _freeze_norms(child)


def _strip(proto: onnx.ModelProto) -> None:
    """Remove what names the exporting machine or run: stack traces, documentation, inferred shapes."""
    proto.doc_string = ""
    del proto.metadata_props[:]
    graph = proto.graph
    graph.name, graph.doc_string = "encoder", ""
    del graph.metadata_props[:]
    del graph.value_info[:]
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        item.doc_string = ""
        del item.metadata_props[:]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Swallow what torch's exporter prints, warns and logs."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
