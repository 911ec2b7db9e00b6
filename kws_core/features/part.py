"""One part of segments to one part of features."""

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from kws_core.config import SAMPLE_RATE_HZ, FeaturesConfig
from kws_core.errors import ConfigError
from kws_core.features.frontend import Frontend
from kws_core.features.window import window_waveform
from kws_core.part import PartOutput, Quarantine
from kws_core.schemas import SEGMENTS, check_schema, features_schema

WINDOW_SAMPLES = SAMPLE_RATE_HZ
"""Every segment is seen through one second."""
BATCH = 256


def featurise_part(segments: pa.Table, config: FeaturesConfig) -> PartOutput:
    """Turn segments into features, one row each and in their order.

    Each word's centre lies in the middle of a 1 s window of its cut, zero padded. Runs on a GPU when there is one.
    Segments whose audio is no PCM16, whose times are not finite or whose features are not finite in float16 go to the
    quarantine. Raises `SchemaError` for a table that is not of segments and `ConfigError` when one second does not
    have `features.frames` frames.
    """
    check_schema(segments, SEGMENTS, "segments")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frontend = checked_frontend(config).to(device)
    quarantine = Quarantine("features")
    columns = ["segment_id", "start_s", "word_start_s", "word_end_s", "audio"]
    kept_ids: list[str] = []
    kept: list[NDArray[np.float16]] = []
    for batch in segments.select(columns).to_batches(max_chunksize=BATCH):
        ids, windows = _windows(batch, quarantine)
        if not ids:
            continue
        features = frontend(torch.from_numpy(np.stack(windows)).to(device)).half()
        finite = torch.isfinite(features).all(dim=2).all(dim=1).cpu().numpy()
        for index in np.flatnonzero(~finite):
            quarantine.add(ids[index], "features are not finite")
        kept_ids += [segment_id for segment_id, keep in zip(ids, finite, strict=True) if keep]
        kept.append(features.cpu().numpy()[finite])
    return PartOutput(_table(kept_ids, kept, config), quarantine.table())


def checked_frontend(config: FeaturesConfig) -> Frontend:
    """Build a front end; raises `ConfigError` unless it makes `features.frames` frames of one second."""
    frontend = Frontend(config)
    frames = frontend.count_frames(WINDOW_SAMPLES)
    if frames != config.frames:
        raise ConfigError(
            f"features.frames = {config.frames} does not fit: windows of {config.window_s} s every {config.hop_s} s "
            f"make {frames} frames in one second"
        )
    return frontend


def silence_features(config: FeaturesConfig) -> NDArray[np.float32]:
    """Features `[coeff]` of one frame of digital silence."""
    frontend = Frontend(config)
    features: NDArray[np.float32] = frontend(torch.zeros(1, frontend.window_samples))[0, 0].numpy()
    return features


def _windows(batch: pa.RecordBatch, quarantine: Quarantine) -> tuple[list[str], list[NDArray[np.float32]]]:
    """Decode and place the cuts of a batch: their ids and windows `[WINDOW_SAMPLES]`."""
    ids: list[str] = []
    windows: list[NDArray[np.float32]] = []
    for row in batch.to_pylist():
        centre_s = (row["word_start_s"] + row["word_end_s"]) / 2 - row["start_s"]
        if not np.isfinite(centre_s):
            quarantine.add(row["segment_id"], "start or end of the word is not finite")
        elif not row["audio"] or len(row["audio"]) % 2:
            quarantine.add(row["segment_id"], f"{len(row['audio'] or b'')} bytes of audio are no PCM16")
        else:
            pcm = np.frombuffer(row["audio"], "<i2")
            ids.append(row["segment_id"])
            windows.append(window_waveform(pcm, round(centre_s * SAMPLE_RATE_HZ), WINDOW_SAMPLES))
    return ids, windows


def _table(ids: list[str], batches: list[NDArray[np.float16]], config: FeaturesConfig) -> pa.Table:
    schema = features_schema(config.frames, config.coefficients)
    values = np.concatenate([batch.ravel() for batch in batches]) if batches else np.empty(0, np.float16)
    tensor_type = schema.field("features").type
    storage = pa.FixedSizeListArray.from_arrays(pa.array(values), config.frames * config.coefficients)
    features = pa.ExtensionArray.from_storage(tensor_type, storage)
    return pa.table([pa.array(ids, pa.string()), features], schema=schema)
