"""What the tests of the MFA adapter share: the program (real where `KWS_MFA` names it), recordings, and utterances."""

import json
import os
import shlex
import sys
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from kws_core.alignment.mfa import MfaAligner
from kws_core.audio import encode_flac
from kws_core.config import AlignmentConfig, MfaConfig
from kws_core.part import PartOutput
from kws_core.schemas import UTTERANCES

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "mfa"
REAL = shlex.split(os.environ.get("KWS_MFA", ""))
REPLAY = Path(__file__).with_name("mfa_replay.py")
OUT_OF_VOCABULARY = {"pbx", "dahdi", "lowercase", "undeleted", "mgcp"}


@dataclass
class MfaCase:
    """A folder, the program, and what it was called with."""

    folder: Path
    model: Path
    dictionary: Path

    def config(self, **fields: object) -> AlignmentConfig:
        known = {
            "command": tuple(REAL or [sys.executable, "-IS", str(REPLAY)]),
            "acoustic_model": str(self.model),
            "dictionary": str(self.dictionary),
            "work_folder": str(self.folder),
        }
        return AlignmentConfig(mfa=MfaConfig(**{**known, **fields}))

    def align(self, utterances: pa.Table, **fields: object) -> PartOutput:
        return MfaAligner(self.config(**fields)).align(utterances)

    def calls(self, command: str = "align") -> list[dict]:
        """Arguments and root folder of each call of a command, by the stand-in only."""
        log = self.folder / "calls.jsonl"
        found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [call for call in found if call["arguments"][0] == command]


def make_case(folder: Path, set_variable: Callable[[str, str], None]) -> MfaCase:
    set_variable("KWS_MFA_REPLAY", str(RECORDED))
    set_variable("KWS_MFA_REPLAY_LOG", str(folder / "calls.jsonl"))
    model = folder / "model.zip"
    if REAL:
        model.write_bytes(Path(os.environ["KWS_MFA_MODEL"]).read_bytes())
    else:
        with zipfile.ZipFile(model, "w") as archive:
            archive.writestr("meta.json", "{}")
    dictionary = RECORDED / "dictionary.dict"
    if not dictionary.exists():
        dictionary = folder / "dictionary.dict"
        dictionary.write_text("yes\tY EH S\nno\tN OW\ngo\tG OW\n", encoding="utf-8")
    return MfaCase(folder, model, dictionary)


def utterance(name: str, text: str, pcm: np.ndarray, speaker: str = "allison", **fields: object) -> dict:
    row = {field.name: None for field in UTTERANCES}
    return {
        **row,
        "utterance_id": name,
        "corpus": "calls",
        "speaker_id": speaker,
        "text": text,
        "language": "en",
        "audio": encode_flac(pcm),
        "duration_s": len(pcm) / 16000,
        "source": f"{name}.wav",
        "licence": "CC-BY-SA-3.0",
        **fields,
    }


def noise(seed: int, duration_s: float = 0.5) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(0, 300, round(16000 * duration_s))
    return samples.astype(np.int16)


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=UTTERANCES)


def recorded_utterances(names: list[str] | None = None) -> pa.Table:
    """The 40 recorded utterances, or some of them."""
    folder = RECORDED / "corpus" / "allison"
    rows = []
    for path in sorted(folder.glob("*.wav")):
        if names is None or path.stem in names:
            with wave.open(str(path)) as file:
                pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
            rows.append(utterance(path.stem, path.with_suffix(".lab").read_text(encoding="utf-8"), pcm))
    return table(rows)


def reasons(output: PartOutput) -> dict[str, str]:
    return dict(zip(output.quarantine["source"].to_pylist(), output.quarantine["reason"].to_pylist(), strict=True))


def words_of(output: PartOutput) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for row in output.table.to_pylist():
        found.setdefault(row["utterance_id"], []).append((row["index"], row["word"]))
    return found
