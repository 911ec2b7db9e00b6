"""How unusual the durations of a word's phones are: alignments that went wrong stretch some and squeeze others."""

import math

# Mean and standard deviation of the natural logarithm of the duration in frames of 10 ms, of 11,295 phones that
# PocketSphinx aligned in 366 sentences of AN4 and LibriSpeech.
LOG_FRAMES = {
    "AA": (2.60, 0.48),
    "AE": (2.24, 0.53),
    "AH": (1.53, 0.38),
    "AO": (2.43, 0.41),
    "AW": (2.77, 0.36),
    "AY": (2.79, 0.48),
    "B": (1.77, 0.40),
    "CH": (2.68, 0.34),
    "D": (1.66, 0.45),
    "DH": (1.61, 0.36),
    "EH": (2.22, 0.51),
    "ER": (2.31, 0.48),
    "EY": (2.78, 0.48),
    "F": (2.33, 0.40),
    "G": (2.14, 0.32),
    "HH": (1.74, 0.46),
    "IH": (1.72, 0.44),
    "IY": (2.53, 0.60),
    "JH": (2.53, 0.29),
    "K": (2.17, 0.35),
    "L": (2.17, 0.54),
    "M": (2.12, 0.37),
    "N": (1.98, 0.47),
    "NG": (2.20, 0.32),
    "OW": (2.72, 0.50),
    "OY": (2.14, 0.58),
    "P": (2.11, 0.38),
    "R": (2.06, 0.47),
    "S": (2.45, 0.42),
    "SH": (2.55, 0.26),
    "T": (1.96, 0.53),
    "TH": (2.25, 0.41),
    "UH": (2.14, 0.58),
    "UW": (2.43, 0.57),
    "V": (1.84, 0.40),
    "W": (2.25, 0.45),
    "Y": (2.34, 0.45),
    "Z": (2.30, 0.35),
    "ZH": (2.14, 0.58),
}
ANY_PHONE = (2.14, 0.58)


def duration_deviation(phones: list[tuple[str, int]]) -> float:
    """Mean absolute z-score of the log durations of a word's phones, given with their frames; NaN without phones.

    A phone that the table lacks is measured against all phones.
    """
    if not phones:
        return math.nan
    total = 0.0
    for name, frames in phones:
        mean, deviation = LOG_FRAMES.get(name, ANY_PHONE)
        total += abs(math.log(max(frames, 1)) - mean) / deviation
    return total / len(phones)
