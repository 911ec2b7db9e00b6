"""Embeddings of consecutive windows from the frames of features that they share."""

import numpy as np
from numpy.typing import NDArray

from kws_core.incremental.split import EMBEDDINGS, FEATURES, MAPS, FirstLayers, SplitEncoder
from kws_core.onnx_encoder import open_session

BATCH = 16
"""Windows that the network sees at once: few enough for their maps to stay in a processor's cache."""
FEWEST_CONVOLUTIONS = 4
"""In the first layers, for them to be worth keeping their maps apart."""


class WindowEncoder:
    """Embeds windows of frames, `hop_frames` apart; has no state, so that any number of streams may share it."""

    def __init__(self, split: SplitEncoder, frames: int, hop_frames: int, threads: int = 1) -> None:
        """Open the parts of an encoder whose windows have so many frames."""
        self.frames, self.hop_frames = frames, hop_frames
        first = split.first_layers
        if first is not None and not _is_worth(first, frames, hop_frames):
            first = None
        self.first_layers = None if first is None else SharedLayers(first, frames, hop_frames, threads)
        self._session = None if first is not None else open_session(split.embedding, threads)

    def embed(
        self, frames: NDArray[np.float32], before: "SharedMaps | None"
    ) -> tuple[NDArray[np.float32], "SharedMaps | None"]:
        """Embeddings of the windows of a stretch of `frames [time, coeff]`, and what the next stretch needs.

        Args:
            frames: from the first frame of the first window to the last frame of the last one.
            before: what the call for the windows just before returned; None at the start.

        Returns:
            `embeddings [windows, dim]`, and the maps that the last window shares; None where none are shared.
        """
        count = 1 + (len(frames) - self.frames) // self.hop_frames
        found = []
        for start in range(0, count, BATCH):
            windows = min(BATCH, count - start)
            first = start * self.hop_frames
            stretch = frames[first : first + (windows - 1) * self.hop_frames + self.frames]
            if self.first_layers is not None:
                embeddings, before = self.first_layers.embed(stretch, before)
            else:
                given = np.ascontiguousarray(_views(stretch, 0, self.frames, self.hop_frames))
                embeddings = self._session.run([EMBEDDINGS], {FEATURES: given})[0]  # type: ignore[union-attr]
            found.append(embeddings)
        return (found[0] if len(found) == 1 else np.concatenate(found)), before


class SharedLayers:
    """First layers that are computed once a frame, but for frames near the ends of a window, and the layers behind.

    In the middle of a window a position's value is the same in all windows that have it. Near its ends zeros are seen
    in place of what lies beyond: for each window the first `left` and the last `right` positions are its own. In
    between lie whole hops; the last of them is new, the others come from the windows before.
    """

    def __init__(self, layers: FirstLayers, frames: int, hop_frames: int, threads: int = 1) -> None:
        """Open both parts; windows of so many frames must hold a hop that is away from their ends."""
        self._axis, self._radius, self._hop = layers.cut.axis, layers.cut.radius, hop_frames
        self._frames = frames
        self._right = self._radius
        self._shared = (frames - 2 * self._radius) // hop_frames * hop_frames
        self._left = frames - self._right - self._shared
        self._layers = open_session(layers.layers, threads)
        self._rest = open_session(layers.rest, threads)

    def embed(
        self, frames: NDArray[np.float32], before: "SharedMaps | None"
    ) -> tuple[NDArray[np.float32], "SharedMaps"]:
        """As `WindowEncoder.embed`, of a few windows; what is returned is `before`, brought forward."""
        radius, hop, left, right = self._radius, self._hop, self._left, self._right
        if before is None:
            # of the first window all but the newest hop, as the windows before would have left it
            known = self._run(frames[None, left - radius : left + self._shared - hop + radius])[0]
            before = SharedMaps(known[..., radius : known.shape[-1] - radius], left, self._frames, hop)
        own = self._frames - right - hop - radius  # where a window's newest hop begins, with what it looks at
        ends = _views(frames, own, self._frames - own, hop)
        starts = _views(frames, 0, left + radius, hop)[: len(ends)]
        maps = self._run(np.concatenate([starts, ends], axis=1))
        windows = np.empty((*maps.shape[:-1], self._frames), np.float32)
        for window, new in zip(windows, maps, strict=True):
            before.next_window(new[..., :left], new[..., left + 2 * radius :], window)
        if self._axis != 3:
            windows = np.ascontiguousarray(np.moveaxis(windows, -1, self._axis))
        embeddings: NDArray[np.float32] = self._rest.run([EMBEDDINGS], {MAPS: windows})[0]
        return embeddings, before

    def _run(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Maps `[windows, …, time]` of frames `[windows, time, coeff]`."""
        maps: NDArray[np.float32] = self._layers.run([MAPS], {FEATURES: frames})[0]
        return maps if self._axis == 3 else np.moveaxis(maps, self._axis, -1)


class SharedMaps:
    """Maps `[…, time]` of the newest window of one stream, in a longer row in which windows move on by a hop."""

    def __init__(self, known: NDArray[np.float32], left: int, frames: int, hop: int) -> None:
        """Take what is known of the first window of so many frames, from position `left` on."""
        self._frames, self._hop, self._place = frames, hop, 0
        self._row = np.zeros((*known.shape[:-1], 3 * frames), np.float32)
        self._row[..., left : left + known.shape[-1]] = known

    @property
    def nbytes(self) -> int:
        """Of the row."""
        return self._row.nbytes

    def next_window(self, start: NDArray[np.float32], end: NDArray[np.float32], window: NDArray[np.float32]) -> None:
        """Put the window's own start, and its newest hop with its own end, in place, and write it to `window`."""
        if self._place + self._frames > self._row.shape[-1]:
            held = self._row[..., self._place :]
            self._row[..., : held.shape[-1]] = held
            self._place = 0
        row = self._row[..., self._place : self._place + self._frames]
        # both lie outside what later windows share with this one
        row[..., : start.shape[-1]] = start
        row[..., self._frames - end.shape[-1] :] = end
        window[...] = row
        self._place += self._hop


def _views(frames: NDArray[np.float32], first: int, length: int, hop: int) -> NDArray[np.float32]:
    """Stretches `[windows, length, coeff]` of frames, a hop apart, as views: as many as there are whole ones."""
    count = 1 + (len(frames) - first - length) // hop
    step, within = frames.strides
    shape = count, length, frames.shape[1]
    return np.lib.stride_tricks.as_strided(frames[first:], shape, (hop * step, step, within), writeable=False)


def _is_worth(layers: FirstLayers, frames: int, hop_frames: int) -> bool:
    room = frames - 2 * layers.cut.radius >= hop_frames
    return room and layers.cut.convolutions >= FEWEST_CONVOLUTIONS and layers.cut.radius > 0
