"""The doctor at the Montreal Forced Aligner: the program, its version, and the files that a preset names."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kws_core.alignment.mfa.program import MfaProgram, MfaRunError
from kws_core.config import AlignmentConfig, Experiment, MfaConfig
from kws_core.errors import AlignmentError
from tasks.doctor import Finding
from tasks.mfa import BUILT_IN, FILES

INSTALL = "conda env create --file infra/mfa/environment.yml, and set alignment.mfa.command; or see infra/mfa/README.md"


def mfa(experiment: Experiment | None, timeout_s: float) -> Sequence[Finding]:
    """The program in the version that the preset names, needed where one of its corpora is aligned by it."""
    config = (experiment.alignment if experiment else AlignmentConfig()).mfa
    users = [name for name, corpus in (experiment.corpora if experiment else {}).items() if _uses(corpus)]
    needed = bool(users)
    why = f"aligns {', '.join(users)}" if users else "no corpus of a preset needs it" if experiment else "optional"
    findings = [_program(config, why, needed, timeout_s)]
    for field in FILES:
        path = getattr(config, field)
        if path not in BUILT_IN:
            findings.append(_file(field, Path(path), needed))
    return findings


def _uses(corpus: object) -> bool:
    return "mfa" in (getattr(corpus, "aligner", ""), getattr(corpus, "second_aligner", ""))


def _program(config: MfaConfig, why: str, needed: bool, timeout_s: float) -> Finding:
    command = config.command[0]
    if shutil.which(command) is None:
        said = f"{command!r} is not on PATH; {why}"
        return Finding(name="MFA", state="missing", said=said, advice=INSTALL, needed=needed)
    program = MfaProgram(config.command, config.version, timeout_s)
    try:
        with tempfile.TemporaryDirectory(prefix="kws-mfa-") as folder:
            found = program.run(["version"], Path(folder)).split()
    except (AlignmentError, MfaRunError) as error:
        return Finding(name="MFA", state="wrong", said=f"{error}; {why}", advice=INSTALL, needed=needed)
    if config.version not in found:
        advice = f"install {config.version}, or set alignment.mfa.version: every utterance is then aligned anew"
        said = f"{' '.join(found)[:80]}, and alignment.mfa.version is {config.version}; {why}"
        return Finding(name="MFA", state="wrong", said=said, advice=advice, needed=needed)
    return Finding(name="MFA", state="ok", said=f"{config.version}; {why}", needed=needed)


def _file(field: str, path: Path, needed: bool) -> Finding:
    name = f"alignment.mfa.{field}"
    if not path.is_file():
        advice = f"put the file there, or set {name}"
        return Finding(name=name, state="missing", said=f"{path} is no file", advice=advice, needed=needed)
    return Finding(name=name, state="ok", said=str(path), needed=needed)
