"""The deliverable on disk: encoder, back ends, thresholds, cohort and provenance; no pickle anywhere.

encoder.onnx            PCM [batch, 16000] -> embedding [batch, dim], features included
encoder.safetensors     the same weights, for fine-tuning
centroids.safetensors   one per keyword, and one of the non-targets
svm.safetensors         support vectors, dual coefficients, intercepts, gamma
softmax.safetensors     weight and bias of a linear classifier, the keywords' classes first
cohort.safetensors      embeddings of other words and background, for words enrolled later
bundle.json             everything else, and the SHA-256 of every file that the bundle has

A bundle without keywords is an encoder bundle: it has a cohort and no back end. One with keywords has the file of every
back end that it has thresholds of, and may have a cohort.
"""

from kws_core.bundle.calibrated import ExpectedFrr, OperatingPoint, ScoreCalibration, ScoreNormalisation
from kws_core.bundle.description import (
    BACKEND_FILES,
    CENTROIDS,
    COHORT,
    DESCRIPTION,
    ENCODER,
    FILES,
    SOFTMAX,
    SVM,
    WEIGHTS,
    BundleDescription,
    EnrolledKeyword,
    parse_description,
)
from kws_core.bundle.reading import (
    Bundle,
    load_bundle,
)
from kws_core.bundle.writing import (
    tensor_bytes,
    unpack_bundle,
    write_bundle,
)

__all__ = [
    "BACKEND_FILES",
    "CENTROIDS",
    "COHORT",
    "DESCRIPTION",
    "ENCODER",
    "FILES",
    "SOFTMAX",
    "SVM",
    "WEIGHTS",
    "Bundle",
    "BundleDescription",
    "EnrolledKeyword",
    "ExpectedFrr",
    "OperatingPoint",
    "ScoreCalibration",
    "ScoreNormalisation",
    "load_bundle",
    "parse_description",
    "tensor_bytes",
    "unpack_bundle",
    "write_bundle",
]
