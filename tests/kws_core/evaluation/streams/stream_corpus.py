"""A tiny corpus of tones, as datasets: what streams are made of."""

import numpy as np
import pyarrow as pa
from builders import selection_rows

from kws_core.audio import encode_flac, float_to_pcm16
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, SEGMENTS, SELECTION, UTTERANCES, WORDS

SPEAKERS = {"anna": "test", "ben": "test", "carl": "train", "dora": "development"}
TEXTS = ("the cat sat there", "let us go home now", "sun")


def tone(seconds, hertz, level=0.1):
    """A sine, so that a stretch of sound can be recognised by its pitch."""
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (level * np.sqrt(2) * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def make_corpus(store):
    """Manifests by stage. Every speaker says three texts of 4 s; "go" lies at 1.5 to 2 s of the second, at 3 kHz."""
    utterances, words, segments, chosen = [], [], [], []
    for speaker, split in SPEAKERS.items():
        for number, text in enumerate(TEXTS):
            utterance_id = f"{speaker}-{number}"
            pcm = tone(4.0, 500)
            if "go" in text:
                pcm[24_000:32_000] = tone(0.5, 3000, 0.2)
                words.append({"utterance_id": utterance_id, "index": 2, "word": "go", "start_s": 1.5, "end_s": 2.0})
                audio = float_to_pcm16(pcm[20_000:36_000])
                for take in range(4):
                    segment = {"segment_id": f"{speaker}-{take}", "start_s": 1.25, "end_s": 2.25}
                    times = {"word_start_s": 1.5, "word_end_s": 2.0, "audio": audio.tobytes(), "label": "go"}
                    segments.append({**segment, **times})
                    place = {"row": len(segments) - 1, "label": "go", "role": "target"}
                    chosen.append({**place, "segment_id": f"{speaker}-{take}", "speaker_id": speaker, "split": split})
            utterances.append(
                {
                    "utterance_id": utterance_id,
                    "corpus": "split",
                    "speaker_id": speaker,
                    "text": text,
                    "duration_s": 4.0,
                    "audio": encode_flac(float_to_pcm16(pcm)),
                }
            )

    def write(stage, table):
        part = store.write_part(stage, stage, "split", PartOutput(table, QUARANTINE.empty_table()))
        manifest = Manifest(stage, 1, (part,))
        store.write_manifest(manifest)
        return manifest

    tables = {
        "utterances": pa.Table.from_pylist(utterances, schema=UTTERANCES),
        "words": pa.Table.from_pylist(words, schema=WORDS),
        "segments": pa.Table.from_pylist(segments, schema=SEGMENTS),
        "selection": selection_rows(chosen).cast(SELECTION),
    }
    return {stage: write(stage, table) for stage, table in tables.items()}
