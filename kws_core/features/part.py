"""One part of segments to one part of features."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from kws_core.config import FeaturesConfig
from kws_core.errors import ConfigError
from kws_core.features.copies import Copies
from kws_core.features.copies_config import CopiesConfig
from kws_core.features.decode import COLUMNS, WINDOW_SAMPLES, Windows, decode_windows
from kws_core.features.frontend import Frontend
from kws_core.features.window import INT16_SCALE
from kws_core.part import PartOutput, PartStream, Quarantine
from kws_core.read_ahead import read_ahead
from kws_core.schemas import SEGMENTS, check_schema, features_schema

BATCH = 256
AHEAD = 2
"""Batches that are decoded before they are needed, and computed before they are written."""


def featurise_part(segments: pa.Table, config: FeaturesConfig, copies: CopiesConfig | None = None) -> PartOutput:
    """Turn segments into features in memory; see `featurise_batches`, which says what is rejected and raised too.

    Raises:
        SchemaError: the table is not of segments.
    """
    check_schema(segments, SEGMENTS, "segments")
    batches = segments.select(COLUMNS).to_batches(max_chunksize=BATCH)
    return featurise_batches(batches, config, copies).collect()


def featurise_batches(
    batches: Iterable[pa.RecordBatch],
    config: FeaturesConfig,
    copies: CopiesConfig | None = None,
    device: torch.device | None = None,
) -> PartStream:
    """Turn segments (`decode.COLUMNS`, at most `BATCH` rows a batch) into features as they come, in their order.

    Each word's centre lies in the middle of a 1 s window of its cut, zero padded. With copies, each segment is followed
    by its copies. Reading and decoding, computing, and whoever takes the result overlap. Runs on a GPU when there is
    one and no device is named. Segments whose audio is no PCM16, whose times are not finite or whose features are not
    finite in float16 go to the quarantine.

    Raises:
        ConfigError: one second does not have `features.frames` frames.
    """
    place = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    frontend = checked_frontend(config).to(place)
    schema = features_schema(config.frames, config.coefficients, copies is not None)
    undecodable, infinite = Quarantine("features"), Quarantine("features")  # of a thread each
    windows = read_ahead((decode_windows(batch, undecodable) for batch in batches), AHEAD)
    tables = _featurise(windows, frontend, schema, copies, place, infinite)
    return PartStream(
        schema, read_ahead(tables, AHEAD), lambda: pa.concat_tables([undecodable.table(), infinite.table()])
    )


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


def _featurise(
    batches: Iterable[Windows],
    frontend: Frontend,
    schema: pa.Schema,
    config: CopiesConfig | None,
    device: torch.device,
    quarantine: Quarantine,
) -> Iterator[pa.Table]:
    copies = Copies(config) if config else None
    for ids, pcm in batches:
        if not ids:
            continue
        samples = torch.from_numpy(pcm)
        # int16 is half of what would go to a GPU as float
        features = [frontend(samples.to(device).float().div_(INT16_SCALE)).half()]
        stretches = [np.ones(len(ids), np.float32)]
        for sound, stretch in copies.render(ids, samples.float().div_(INT16_SCALE)) if copies else ():
            features.append(frontend(sound.to(device)).half())
            stretches.append(stretch)
        stacked = torch.stack(features, dim=1)  # [segments, 1 + copies, time, coeff]
        finite = torch.isfinite(stacked).flatten(1).all(dim=1).cpu().numpy()
        for index in np.flatnonzero(~finite):
            quarantine.add(ids[index], "features are not finite")
        kept = [segment_id for segment_id, keep in zip(ids, finite, strict=True) if keep]
        yield _table(kept, stacked.cpu().numpy()[finite], np.stack(stretches, axis=1)[finite], schema)


def _table(
    ids: list[str], features: NDArray[np.float16], stretches: NDArray[np.float32], schema: pa.Schema
) -> pa.Table:
    """Rows of segments `[segments]` with their features `[segments, 1 + copies, time, coeff]`."""
    tensor_type = schema.field("features").type
    each = features.shape[1]
    values = pa.array(features.reshape(-1))
    storage = pa.FixedSizeListArray.from_arrays(values, tensor_type.shape[0] * tensor_type.shape[1])
    columns = {
        "segment_id": pa.array(np.repeat(np.array(ids, object), each), pa.string()),
        "copy": np.tile(np.arange(each, dtype=np.int32), len(ids)),
        "stretch": stretches.reshape(-1),
        "features": pa.ExtensionArray.from_storage(tensor_type, storage),
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)
