"""A bundle that spots words by the mean of what its untrained encoder makes of them."""

from pathlib import Path

import numpy as np
from encoder_bundles import COHORT_VOICES, make_encoder_bundle, word_window

from kws_core.bundle import CENTROIDS, Bundle, OperatingPoint, tensor_bytes, write_bundle
from kws_core.onnx_encoder import OnnxEncoder


def make_keyword_bundle(folder: Path, words: tuple[str, ...], threshold: float = 0.6) -> Bundle:
    """Write the bundle to `folder / "own"`, and the encoder bundle that it is made of to `folder / "bundle"`."""
    bundle = make_encoder_bundle(folder)
    encoder = OnnxEncoder(bundle.encoder_path)
    said = [
        encoder.embed(np.stack([word_window(word, voice) for voice in COHORT_VOICES])).mean(axis=0) for word in words
    ]
    centroids = np.stack([each / np.linalg.norm(each) for each in said]).astype(np.float32)
    contents = {name: (bundle.folder / name).read_bytes() for name in bundle.description.files}
    changed = {
        "keywords": words,
        "keyword_durations_s": (0.5,) * len(words),
        "thresholds": {"centroid": (threshold,) * len(words)},
        "operating_point": OperatingPoint(far=0.1, non_target_segments=9, speakers=1),
    }
    described = {**bundle.description.model_dump(exclude={"files", "format", "version"}), **changed}
    return write_bundle(folder / "own", {**contents, CENTROIDS: tensor_bytes({"centroids": centroids})}, described)
