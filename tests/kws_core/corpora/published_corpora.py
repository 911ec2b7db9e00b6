"""Small corpora in the real layout of each published one, as archives that a server can serve.

Every builder writes archives below a folder and tells what a recipe must make of them. Sounds are recorded words of
`../shared/data` where it is present, and noise elsewhere; no two are equal.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

SHARED_WORDS = Path(__file__).parents[4] / "shared" / "data" / "words" / "gsc_v0.01_mini"
RATE_HZ = 16_000

Row = tuple[str, str, str, str]
"""speaker, text, split, language"""


@dataclass
class PublishedCorpus:
    """An archive or several, the settings that read them, and what must come out, by source."""

    settings: dict[str, Any]
    archives: list[str]
    """Names below the served folder."""
    rows: dict[str, Row] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """Reasons, or a part of them."""


def sound(number: int, form: str = "WAV", subtype: str | None = "PCM_16", rate_hz: int = RATE_HZ) -> bytes:
    """A recording of about a second that no other number gives."""
    clips = sorted(SHARED_WORDS.rglob("*.flac"))
    noise = np.random.default_rng(number).uniform(-0.02, 0.02, RATE_HZ)
    if clips:
        speech, _ = soundfile.read(clips[number % len(clips)])
        noise[: min(len(speech), RATE_HZ)] += 0.9 * speech[:RATE_HZ]
    sink = io.BytesIO()
    endian = "BIG" if form == "NIST" else None
    soundfile.write(sink, np.clip(noise, -1, 1)[:: RATE_HZ // rate_hz], rate_hz, subtype, endian, form)
    return sink.getvalue()


def raw_sound(number: int) -> bytes:
    """16-bit big-endian samples without a header."""
    pcm, _ = soundfile.read(io.BytesIO(sound(number)), dtype="int16")
    return pcm.astype(">i2").tobytes()


def pack(path: Path, members: dict[str, bytes | str]) -> None:
    """Write a `.tar.gz` with these files, as `tar` does with folders before them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folders: set[str] = set()
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            parts = name.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                folder = "/".join(parts[:depth])
                if folder not in folders and folder != ".":
                    folders.add(folder)
                    entry = tarfile.TarInfo(folder)
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(entry)
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def digest(path: Path, kind: str) -> str:
    """A checksum in hex."""
    return hashlib.new(kind, path.read_bytes()).hexdigest()


def speech_commands(served: Path, monkeypatch: Any) -> PublishedCorpus:
    """v0.02: words in folders, two lists, background noise; members start with `./`."""
    name = "speech_commands_v0.02.tar.gz"
    words = {
        "down/0a1b2c3d_nohash_0.wav": ("gsc-0a1b2c3d", "down", "train"),
        "down/0a1b2c3d_nohash_1.wav": ("gsc-0a1b2c3d", "down", "train"),
        "down/ffee0011_nohash_0.wav": ("gsc-ffee0011", "down", "development"),
        "five/0a1b2c3d_nohash_0.wav": ("gsc-0a1b2c3d", "five", "train"),
        "five/12345678_nohash_0.wav": ("gsc-12345678", "five", "test"),
    }
    members: dict[str, bytes | str] = {f"./{path}": sound(number) for number, path in enumerate(words)}
    members["./five/strange.wav"] = sound(50)
    members["./_background_noise_/running_tap.wav"] = sound(60)
    members["./_background_noise_/README.md"] = "Noise.\n"
    members["./LICENSE"] = "CC BY 4.0\n"
    members["./validation_list.txt"] = "down/ffee0011_nohash_0.wav\n"
    members["./testing_list.txt"] = "five/12345678_nohash_0.wav\nfive/gone_nohash_0.wav\n"
    pack(served / name, members)
    monkeypatch.setitem(_module("speech_commands").SHA256, "0.02", digest(served / name, "sha256"))
    title = "speech_commands-0.02"
    return PublishedCorpus(
        {"recipe": "speech_commands"},
        [name],
        {f"{title}/{path}": (*facts, "en") for path, facts in words.items()},
        {
            f"{title}/five/strange.wav": "the name has no speaker before '_nohash_'",
            f"{title}/testing_list.txt line 2": "there is no recording 'five/gone_nohash_0.wav'",
        },
    )


def librispeech(served: Path, monkeypatch: Any) -> PublishedCorpus:
    """Two subsets, one of them of mini LibriSpeech."""
    corpus = PublishedCorpus({"recipe": "librispeech", "subsets": ["test-clean", "train-clean-5"]}, [])
    for first, (subset, split) in enumerate((("test-clean", "test"), ("train-clean-5", "train"))):
        top = f"LibriSpeech/{subset}"
        members: dict[str, bytes | str] = {"LibriSpeech/README.TXT": "LibriSpeech\n", "LibriSpeech/SPEAKERS.TXT": ";\n"}
        for number, reader in enumerate(("61", "908")):
            chapter, lines = f"{top}/{reader}/70968", []
            for utterance in range(2):
                key = f"{reader}-70968-{utterance:04d}"
                members[f"{chapter}/{key}.flac"] = sound(10 * first + 2 * number + utterance, "FLAC")
                lines.append(f"{key} HE BEGAN A CONFUSED COMPLAINT {key[-1]}")
                text = f"HE BEGAN A CONFUSED COMPLAINT {key[-1]}"
                source = f"librispeech-{subset}/{chapter}/{key}.flac"
                corpus.rows[source] = (f"ls-{reader}", text, split, "en")
            members[f"{chapter}/{reader}-70968.trans.txt"] = "\n".join(lines) + "\n"
        table = f"{top}/61/70968/61-70968.trans.txt"
        members[table] = f"{members[table]}61-70968-0007 NOBODY SAID THIS\n61-70968-0008\n"
        members[f"{top}/61/70968/61-70968-0008.flac"] = sound(70 + first, "FLAC")
        members[f"{top}/61/70968/61-70968-0009.flac"] = sound(80 + first, "FLAC")
        title = f"librispeech-{subset}"
        corpus.problems |= {
            f"{title}/{table} line 3": "there is no recording '61-70968-0007'",
            f"{title}/{top}/61/70968/61-70968-0008.flac": "61-70968.trans.txt line 4 has no text for it",
            f"{title}/{top}/61/70968/61-70968-0009.flac": "no transcript lists it",
        }
        pack(served / f"{subset}.tar.gz", members)
        corpus.archives.append(f"{subset}.tar.gz")
    monkeypatch.setitem(_module("librispeech").MD5, "test-clean", digest(served / "test-clean.tar.gz", "md5"))
    return corpus


def aishell(served: Path, monkeypatch: Any) -> PublishedCorpus:
    """An archive with an archive per speaker in it."""
    corpus = PublishedCorpus({"recipe": "aishell", "subsets": ["train", "test"]}, ["data_aishell.tgz"])
    lines = []
    members: dict[str, bytes | str] = {}
    for number, (speaker, subset) in enumerate((("S0002", "train"), ("S0724", "dev"), ("S0764", "test"))):
        inner: dict[str, bytes | str] = {}
        for utterance in range(2):
            key = f"BAC009{speaker}W{122 + utterance:04d}"
            inner[f"{subset}/{speaker}/{key}.wav"] = sound(4 * number + utterance)
            text = ("而 对 楼市 成交", "抑制 作用 最 大")[utterance]
            lines.append(f"{key} {text}")
            if subset != "dev":
                source = f"aishell/data_aishell/wav/{speaker}/{subset}/{speaker}/{key}.wav"
                split = {"train": "train", "test": "test"}[subset]
                corpus.rows[source] = (f"aishell-{speaker}", text, split, "zh")
        if subset == "train":
            inner[f"{subset}/{speaker}/BAC009S0002W0999.wav"] = sound(90)
        packed = served.parent / f"{speaker}.tar.gz"
        pack(packed, inner)
        members[f"data_aishell/wav/{speaker}.tar.gz"] = packed.read_bytes()
    lines += ["BAC009S0002W0500 没有 录音", "BAC009S9999W0500 没有 人"]
    transcript = "data_aishell/transcript/aishell_transcript_v0.8.txt"
    members[transcript] = "\n".join(lines) + "\n"
    pack(served / "data_aishell.tgz", members)
    module = _module("aishell")
    changed = module.RemoteFile(module.ARCHIVE.url, md5=digest(served / "data_aishell.tgz", "md5"))
    monkeypatch.setattr(module, "ARCHIVE", changed)
    corpus.problems = {
        "aishell/data_aishell/wav/S0002/train/S0002/BAC009S0002W0999.wav": "no transcript lists it",
        f"aishell/{transcript} line 7": "there is no recording 'BAC009S0002W0500'",
        f"aishell/{transcript} line 8": "there is no recording 'BAC009S9999W0500'",
    }
    return corpus


def mswc(served: Path, monkeypatch: Any) -> PublishedCorpus:
    """Two languages; audio and splits in archives of the same names."""
    corpus = PublishedCorpus({"recipe": "mswc", "languages": ["en", "cy"]}, [])
    speaker_id = _module("common_voice").common_voice_speaker
    for first, language in enumerate(("en", "cy")):
        rows = ["SET,LINK,WORD,VALID,SPEAKER,GENDER"]
        audio: dict[str, bytes | str] = {}
        for number, (part, split) in enumerate((("TRAIN", "train"), ("DEV", "development"), ("TEST", "test"))):
            word = ("about", "yellow")[first]
            link = f"{word}/common_voice_{language}_{number}.opus"
            audio[f"{language}/clips/{link}"] = sound(10 * first + number, "OGG", "OPUS")
            rows.append(f"{part},{link},{word},True,speaker{number},NA")
            source = f"mswc-{language}/{language}/clips/{link}"
            corpus.rows[source] = (speaker_id(f"speaker{number}"), word, split, language)
        audio[f"{language}/clips/{word}/unconfirmed.opus"] = sound(10 * first + 5, "OGG", "OPUS")
        rows.append(f"TRAIN,{word}/unconfirmed.opus,{word},False,speaker0,NA")
        title = f"mswc-{language}"
        if language == "en":
            audio["en/clips/about/nobody.opus"] = sound(6, "OGG", "OPUS")
            audio["en/clips/about/unlisted.opus"] = sound(7, "OGG", "OPUS")
            rows += [
                "TRAIN,about/gone.opus,about,True,speaker0,NA",
                "TRAIN,about/nobody.opus,about,True,NA,NA",
                "TRAIN,about/short.opus",
                f"TRAIN,{'about/common_voice_en_0.opus'},about,True,speaker0,NA",
                "EVAL,about/unconfirmed.opus,about,True,speaker0,NA",
            ]
            corpus.problems = {
                f"{title}/en_splits.csv line 6": "there is no recording 'about/gone.opus'",
                f"{title}/en_splits.csv line 7": "the speaker of about/nobody.opus is not known",
                f"{title}/en_splits.csv line 8": "the row has not the columns SET, LINK, WORD, VALID, SPEAKER",
                f"{title}/en_splits.csv line 9": "about/common_voice_en_0.opus is listed twice",
                f"{title}/en_splits.csv line 10": "SET is 'EVAL'; TRAIN, DEV, TEST are accepted",
                f"{title}/en/clips/about/unlisted.opus": "no table lists it",
            }
        pack(served / "audio" / f"{language}.tar.gz", audio)
        pack(served / "splits" / f"{language}.tar.gz", {f"{language}_splits.csv": "\n".join(rows) + "\n"})
        corpus.archives += [f"splits/{language}.tar.gz", f"audio/{language}.tar.gz"]
    return corpus


def an4(served: Path, monkeypatch: Any, encoding: str = "sphere") -> PublishedCorpus:
    """Training and test recordings in folders of speakers."""
    name = {"sphere": "an4_sphere.tar.gz", "raw": "an4_raw.bigendian.tar.gz"}[encoding]
    suffix = {"sphere": ".sph", "raw": ".raw"}[encoding]

    def speech(number: int) -> bytes:
        return sound(number, "NIST") if encoding == "sphere" else raw_sound(number)

    members: dict[str, bytes | str] = {
        f"an4/wav/an4_clstk/fash/an251-fash-b{suffix}": speech(0),
        f"an4/wav/an4_clstk/fash/an253-fash-b{suffix}": speech(1),
        f"an4/wav/an4test_clstk/fcaw/an406-fcaw-b{suffix}": speech(2),
        f"an4/wav/an4_clstk/fash/an999-fash-b{suffix}": speech(3),
        "an4/etc/an4_train.transcription": "<s> YES </s> (an251-fash-b)\n<s> GO </s> (an253-fash-b)\nno id here\n",
        "an4/etc/an4_test.transcription": "RUBOUT G M E F THREE NINE (an406-fcaw-b)\nX (an000-gone-b)\n",
        "an4/etc/an4_train.fileids": "an4_clstk/fash/an251-fash-b\nan4_clstk/fash/an253-fash-b\n",
    }
    pack(served / name, members)
    return PublishedCorpus(
        {"recipe": "an4", "encoding": encoding},
        [name],
        {
            f"an4/an4/wav/an4_clstk/fash/an251-fash-b{suffix}": ("an4-fash", "YES", "train", "en"),
            f"an4/an4/wav/an4_clstk/fash/an253-fash-b{suffix}": ("an4-fash", "GO", "train", "en"),
            f"an4/an4/wav/an4test_clstk/fcaw/an406-fcaw-b{suffix}": (
                "an4-fcaw",
                "RUBOUT G M E F THREE NINE",
                "test",
                "en",
            ),
        },
        {
            f"an4/an4/wav/an4_clstk/fash/an999-fash-b{suffix}": "no transcript lists it",
            "an4/an4/etc/an4_train.transcription line 3": "'no id here' is not '<s> WORDS </s> (id)'",
            "an4/an4/etc/an4_test.transcription line 2": "there is no recording 'an000-gone-b'",
        },
    )


def an4_raw(served: Path, monkeypatch: Any) -> PublishedCorpus:
    """The archive of headerless samples."""
    return an4(served, monkeypatch, "raw")


def fsdd(served: Path, monkeypatch: Any) -> PublishedCorpus:
    """A release as the code host packs it."""
    top = "free-spoken-digit-dataset-1.0.10"
    digits = {
        "0_george_0.wav": ("fsdd-george", "zero", "test"),
        "0_george_5.wav": ("fsdd-george", "zero", "train"),
        "9_lucas_49.wav": ("fsdd-lucas", "nine", "train"),
    }
    members: dict[str, bytes | str] = {
        f"{top}/recordings/{name}": sound(number, rate_hz=8000) for number, name in enumerate(digits)
    }
    members[f"{top}/recordings/seven.wav"] = sound(8, rate_hz=8000)
    members[f"{top}/README.md"] = "digits\n"
    pack(served / "v1.0.10.tar.gz", members)
    title = f"fsdd-1.0.10/{top}/recordings"
    return PublishedCorpus(
        {"recipe": "fsdd"},
        ["v1.0.10.tar.gz"],
        {f"{title}/{name}": (*facts, "en") for name, facts in digits.items()},
        {f"{title}/seven.wav": "the name is not <digit>_<speaker>_<take>.wav"},
    )


BUILDERS: dict[str, Callable[[Path, Any], PublishedCorpus]] = {
    "speech_commands": speech_commands,
    "librispeech": librispeech,
    "aishell": aishell,
    "mswc": mswc,
    "an4": an4,
    "an4_raw": an4_raw,
    "fsdd": fsdd,
}


def _module(name: str) -> Any:
    from importlib import import_module

    return import_module(f"kws_core.corpora.{name}")
