"""One self-contained ONNX file from PCM to embedding.

The graph is written operation by operation, without torch's exporter: it takes milliseconds and not ten seconds, says
nothing, and gives the same bytes for the same weights. The tests hold it against torch for every encoder.
"""

from kws_core.onnx_export.export import export_onnx

__all__ = ["export_onnx"]
