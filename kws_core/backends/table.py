"""The back ends that a bundle may have: the class of each and the file that its arrays are kept in."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from kws_core.backends.backend import Backend
from kws_core.backends.centroid import CentroidBackend
from kws_core.backends.softmax import SoftmaxBackend
from kws_core.backends.svm import SvmBackend

BackendName = Literal["centroid", "svm", "softmax"]


@dataclass(frozen=True)
class BackendEntry:
    """A back end's class and the name of its file in a bundle."""

    backend: type[Backend]
    file: str


BACKENDS: Mapping[str, BackendEntry] = MappingProxyType(
    {
        "centroid": BackendEntry(CentroidBackend, "centroids.safetensors"),
        "svm": BackendEntry(SvmBackend, "svm.safetensors"),
        "softmax": BackendEntry(SoftmaxBackend, "softmax.safetensors"),
    }
)
"""By `BackendName`, in the order in which figures are reported."""
