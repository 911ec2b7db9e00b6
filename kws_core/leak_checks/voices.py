"""Synthetic voices that are heard in training and in the test under different names."""

import re

import numpy as np
import pyarrow as pa

from kws_core.coded_column import CodedColumn
from kws_core.leak_checks.leak import Leak, name_rows, splits

ENGINES = ("espeak", "hibari", "piper", "kokoro", "festival", "flite", "mbrola", "pico", "coqui", "bark")
_VOICE = re.compile(rf"(?:.*[/:])?({'|'.join(ENGINES)})[-_ ](?:ng[-_ ])?(.+?)(?:[+-]\d+)?(?:[@#].*)?", re.IGNORECASE)


def synthetic_voice(speaker_id: str) -> str | None:
    """The voice of a synthetic speaker, None for any other.

    Ids are an engine's name and a voice, as the corpora of this project write them: `espeak-m7`; what follows as a
    sign and a number is a change of pitch, so `piper-joe+11` and `piper-joe-8` are the voice `piper-joe`.
    """
    found = _VOICE.fullmatch(speaker_id)
    return f"{found[1]}-{found[2]}".lower() if found else None


def find_shared_voices(selection: pa.Table) -> Leak | None:
    """Test rows of a synthetic voice that training has heard as another speaker; equal ids are of `speakers`."""
    speaker = CodedColumn.of(selection["speaker_id"])
    names = [synthetic_voice(value) or "" for value in speaker.values]
    train, test = splits(selection)
    heard = {name: speaker.values[code] for code in np.unique(speaker.codes[train]) if (name := names[code])}
    as_trained = {speaker.values[code] for code in np.unique(speaker.codes[train])}
    leaks = [name in heard and value not in as_trained for name, value in zip(names, speaker.values, strict=True)]
    rows = np.flatnonzero(test & np.array(leaks, np.bool_)[speaker.codes])
    if not len(rows):
        return None
    said = [
        f"{text} is the voice of training speaker {heard[names[code]]}"
        for text, code in zip(name_rows(selection, rows), speaker.codes[rows].tolist(), strict=False)
    ]
    return Leak("voices", "synthetic voices are in train and test", len(rows), tuple(said))
