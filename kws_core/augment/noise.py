"""Additive noise at a drawn ratio to the speech."""

import torch
from torch import Tensor

from kws_core.augment.active_level import active_level
from kws_core.augment.coloured_noise import COLOURS, coloured_noise
from kws_core.augment.draws import integers, uniform
from kws_core.errors import TrainingError

POOL_ROWS_PER_COLOUR = 4
POOL_SAMPLES = 65_536
POOL_SEED = 20_150_420
MIN_TALKERS = 2
MAX_TALKERS = 4


class Noise:
    """Add noise at a signal-to-noise ratio uniform within `min_snr_db` to `max_snr_db` to rows of a batch.

    The signal is the row's own active level (`active_level`), the noise its root mean square over the row: a row of
    digital silence stays silent. A row's noise is, each as likely as the others,
    - white, pink or brown noise, from a pool made once from a fixed seed;
    - babble: the sum of 2 to 4 other rows of the batch at equal active levels, each rotated in time (batches of at
      least three rows);
    - a row of `noise [n, samples]` (any length, repeated as often as needed), if given.
    Noise is read from a random place on and goes on at its beginning. Raises `TrainingError` for `noise` without rows
    or samples.
    """

    def __init__(self, min_snr_db: float, max_snr_db: float, noise: Tensor | None = None) -> None:
        if noise is not None and (noise.ndim != 2 or not noise.numel()):
            raise TrainingError(f"noise must be [n, samples] with at least one sample, not {list(noise.shape)}")
        self.min_snr_db, self.max_snr_db = min_snr_db, max_snr_db
        generator = torch.Generator().manual_seed(POOL_SEED)
        pool = [
            coloured_noise(POOL_ROWS_PER_COLOUR, POOL_SAMPLES, exponent, generator) for exponent in COLOURS.values()
        ]
        self._tables = [torch.cat(pool)] if noise is None else [torch.cat(pool), noise]

    def __call__(self, pcm: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Take the whole batch `pcm [batch, samples]`; returns its `rows [chosen]` with noise, `[chosen, samples]`."""
        chosen, samples = len(rows), pcm.shape[1]
        self._tables = [table.to(pcm) for table in self._tables]
        babble = len(self._tables) if len(pcm) > MIN_TALKERS else None
        kind = integers((chosen,), 0, len(self._tables) - (babble is None), generator)
        snr_db = uniform((chosen, 1), self.min_snr_db, self.max_snr_db, generator).to(pcm)
        noise = pcm.new_empty(chosen, samples)
        for number, table in enumerate(self._tables):
            taking = (kind == number).nonzero()[:, 0]
            source = integers((len(taking),), 0, len(table) - 1, generator)
            noise[taking.to(pcm.device)] = _read(table, source, samples, generator)
        if babble is not None:
            taking = (kind == babble).nonzero()[:, 0]
            taking = taking.to(pcm.device)
            noise[taking] = _babble(pcm, rows[taking], generator)
        speech = pcm[rows]
        level = noise.square().mean(dim=1, keepdim=True).sqrt()
        wanted = active_level(speech)[:, None] * 10 ** (-snr_db / 20)
        return speech + noise * torch.where(level > 0, wanted / level, 0)


def _read(table: Tensor, source: Tensor, samples: int, generator: torch.Generator) -> Tensor:
    """Read `samples` from row `source [n]` of a table, from a random place on and round its end: `[n, samples]`."""
    length = table.shape[1]
    start = integers((len(source), 1), 0, length - 1, generator).to(table.device)
    places = start + torch.arange(samples, device=table.device)
    places = places.where(places < length, places - length) if samples <= length else places % length
    return table[source.to(table.device)[:, None], places]


def _babble(pcm: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Sum 2 to 4 other rows of the batch for each of `rows [n]`, at equal levels and rotated: `[n, samples]`."""
    batch, samples = pcm.shape
    most = min(MAX_TALKERS, batch - 1)
    steps = uniform((len(rows), batch - 1), 0, 1, generator).argsort(dim=1)[:, :most] + 1
    others = (rows[:, None] + steps.to(pcm.device)) % batch
    talkers = integers((len(rows),), MIN_TALKERS, most, generator).to(pcm.device)
    level = active_level(pcm)[:, None]
    level_rows = pcm / level.where(level > 0, 1)
    noise = pcm.new_zeros(len(rows), samples)
    for talker in range(most):
        voice = _read(level_rows, others[:, talker], samples, generator)
        noise += voice * (talker < talkers)[:, None]
    return noise
