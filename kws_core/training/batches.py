"""Rows of the training data as batches of features on the device, augmented or plain."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws_core.augment import FeatureAugment
from kws_core.config import TrainingSpec
from kws_core.errors import TrainingError
from kws_core.features import silence_features
from kws_core.features.part import checked_frontend
from kws_core.features.window import INT16_SCALE
from kws_core.streaming.reader import WindowReader
from kws_core.training_data import TrainingData


class BatchSource(Protocol):
    """Where the features of training batches come from."""

    def __call__(self, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Augmented features `[rows, time, coeff]`, float32 on the device; every draw is from the generator."""


RowsOnDevice = Callable[[NDArray[np.int64]], Tensor]
"""Rows in their order as float32 `[rows, ...]` on the device, in the units that they are stored in."""


def batch_source(
    data: TrainingData, spec: TrainingSpec, device: torch.device, reader: WindowReader | None = None
) -> BatchSource:
    """Build the source that `training.input` names; `reader` reads the rows of data that is streamed.

    Raises:
        TrainingError: waveforms are asked for and the data has none, or features of a stream of waveforms.
    """
    sound = spec.training.input == "waveforms"
    if reader is not None:
        if (reader.stream.dtype is np.int16) != sound:
            held = "features" if sound else "waveforms"
            raise TrainingError(f"training.input = {spec.training.input}, but the training buckets hold {held}")
        rows: RowsOnDevice = StreamedRows(reader, device)
    elif not sound:
        rows = DeviceRows(data.features, device)
    elif data.audio is not None:
        rows = DeviceRows(data.audio, device)
    else:
        raise TrainingError("training.input = waveforms needs waveforms, and the training data has only features")
    return (WaveformBatches if sound else FeatureBatches)(data, rows, spec, device)


class FeatureBatches:
    """Stored features, distorted by `FeatureAugment`."""

    def __init__(self, data: TrainingData, rows: RowsOnDevice, spec: TrainingSpec, device: torch.device) -> None:
        self._rows = rows
        self._word_frames = torch.from_numpy(np.array(data.word_frames))
        self._augment = FeatureAugment(spec.augmentation, spec.features, silence_features(spec.features))
        self._device = device

    def __call__(self, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Read the features of the rows and augment them."""
        word_frames = self._word_frames[rows].to(self._device, non_blocking=True)
        return self._augment(self._rows(rows), word_frames, generator)


class WaveformBatches:
    """Stored windows of sound `[rows, samples]`, int16: distorted, turned into features on the device, augmented."""

    def __init__(self, data: TrainingData, rows: RowsOnDevice, spec: TrainingSpec, device: torch.device) -> None:
        # here: training on features needs none of it
        from kws_core.augment import WaveformAugment

        noise = None if data.noise is None else torch.from_numpy(data.noise).to(device)
        self._rows = rows
        self._word_frames = torch.from_numpy(np.array(data.word_frames))
        self._distort = WaveformAugment(spec.augmentation.waveform, noise)
        self._frontend = checked_frontend(spec.features).to(device)
        self._augment = FeatureAugment(spec.augmentation, spec.features, silence_features(spec.features))
        self._frames = spec.features.frames
        self._device = device

    def __call__(self, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Read the sound of the rows, distort it, compute its features and augment those."""
        with torch.no_grad():
            pcm, stretch = self._distort(self._rows(rows) / INT16_SCALE, generator)
            features = self._frontend(pcm)
        word_frames = self._word_frames[rows].to(self._device, non_blocking=True)
        return self._augment(features, stretched(word_frames, stretch, self._frames), generator)


def stretched(word_frames: Tensor, stretch: Tensor, frames: int) -> Tensor:
    """First and last + 1 frame `[batch, 2]` of words that became longer by `stretch [batch]` about the middle frame."""
    moved = (word_frames - frames / 2) * stretch[:, None].to(word_frames.device) + frames / 2
    first = moved[:, 0].add(1e-3).floor().clamp(0, frames - 1)
    after = torch.maximum(moved[:, 1].sub(1e-3).ceil().clamp(max=frames), first + 1)
    return torch.stack([first, after], dim=1).long()


class DeviceRows:
    """Rows of an array as float32 tensors on a device.

    An array that fills less than half of a GPU's free memory is copied there whole; of a larger one, and on a CPU, the
    rows of each batch are gathered in main memory, while the GPU is still at work on the batch before.
    """

    def __init__(self, array: NDArray[np.float16] | NDArray[np.int16], device: torch.device) -> None:
        self._array = np.asarray(array)
        self._device = device
        self._resident: Tensor | None = None
        if device.type == "cuda" and 2 * array.nbytes < torch.cuda.mem_get_info(device)[0]:
            self._resident = torch.from_numpy(np.array(array)).to(device)

    def __call__(self, rows: NDArray[np.int64]) -> Tensor:
        """The rows in their order, `[rows, ...]`, in the array's own units."""
        if self._resident is not None:
            return self._resident[torch.from_numpy(rows).to(self._device)].float()
        return on_device(self._array[rows], self._device)


class StreamedRows:
    """Rows of the window of a stream; gathered in main memory, while the GPU is still at work on the batch before."""

    def __init__(self, reader: WindowReader, device: torch.device) -> None:
        self._reader, self._device = reader, device

    def __call__(self, rows: NDArray[np.int64]) -> Tensor:
        """The rows in their order, `[rows, ...]`, in the stream's own units."""
        return on_device(self._reader.gather(rows), self._device)


def on_device(values: NDArray[Any], device: torch.device) -> Tensor:
    """The values as float32 on the device; a GPU copies them from pinned memory without being waited for."""
    tensor = torch.from_numpy(values)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True).float()
