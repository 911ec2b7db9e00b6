"""MFCC and log-mel features in batched torch: one code for CPU, GPU and ONNX."""

from typing import TYPE_CHECKING, Any

from kws_core.features.window import window_waveform

if TYPE_CHECKING:
    from kws_core.features.frontend import Frontend
    from kws_core.features.part import featurise_part, silence_features

__all__ = ["Frontend", "featurise_part", "silence_features", "window_waveform"]


def __getattr__(name: str) -> Any:
    # A spotter in service has neither torch nor pyarrow: only what needs them loads them.
    if name == "Frontend":
        from kws_core.features.frontend import Frontend

        return Frontend
    if name in __all__:
        from kws_core.features import part

        return getattr(part, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
