"""Augmentation of training batches, on whatever device they lie: one distortion a file."""

from kws_core.augment.channel import Channel, channel_curves
from kws_core.augment.feature import FeatureAugment
from kws_core.augment.narrow_band import NarrowBand
from kws_core.augment.noise import Noise
from kws_core.augment.reverberation import Reverberation
from kws_core.augment.spec_augment import SpecAugment
from kws_core.augment.speed import Speed
from kws_core.augment.surroundings import Surroundings
from kws_core.augment.vocal_tract import VocalTract
from kws_core.augment.waveform import WaveformAugment
from kws_core.augment.waveform_shift import WaveformShift

__all__ = [
    "Channel",
    "FeatureAugment",
    "NarrowBand",
    "Noise",
    "Reverberation",
    "SpecAugment",
    "Speed",
    "Surroundings",
    "VocalTract",
    "WaveformAugment",
    "WaveformShift",
    "channel_curves",
]
