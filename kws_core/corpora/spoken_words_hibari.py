"""The voice `heart` of hibari-tts, with American or British pronunciation and a pitch of its own for every word."""

import numpy as np
from numpy.typing import NDArray

from kws_core.errors import CorpusError


class HibariHeart:
    """Speaks English words; onnxruntime on one thread. Raises `CorpusError` when `hibari-tts` is not installed."""

    def __init__(self) -> None:
        try:
            from hibari import Hibari, dsp
            from hibari.g2p import G2P
        except ImportError as error:
            raise CorpusError("engine hibari needs hibari-tts: pip install 'kws-foundry[universal]'") from error
        # `heart` is the one voice in the package (others are downloaded); it reads British pronunciations too.
        self._voice = Hibari(voice="heart", threads=1)
        self._pronounce = {"us": G2P(british=False), "gb": G2P(british=True)}
        self._synth = dsp.synth
        self.sample_rate_hz: int = self._voice.sample_rate

    def speak(self, text: str, accent: str, speed: float, pitch: float, seed: int) -> NDArray[np.float32]:
        """Samples `[time]` at `sample_rate_hz` in the accent `us` or `gb`.

        The network predicts a source and a filter for every 12.5 ms: `pitch`, a factor, changes the fundamental
        frequency and leaves the formants where they are. The seed draws the noise.
        """
        ids = self._voice.ids(self._pronounce[accent](text))
        inputs = {"ids": np.array([ids], np.int64), "speed": np.array([speed], np.float32)}
        harmonics, phases, noise, free, free_phases, f0 = (values[0] for values in self._voice.sess.run(None, inputs))
        generator = np.random.default_rng(seed)
        raised = f0 * np.float32(pitch)
        return np.asarray(self._synth(harmonics, phases, noise, free, free_phases, raised, generator), np.float32)
