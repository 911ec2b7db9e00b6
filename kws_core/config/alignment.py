"""Utterances to words."""

from typing import Any, Literal

from pydantic import Field, model_validator

from kws_core.config.base import PositiveSeconds, Section

CMUDICT = "cmudict"


class MfaConfig(Section):
    """The Montreal Forced Aligner: a program of an environment of its own, never imported; see infra/mfa."""

    command: tuple[str, ...] = Field(default=("mfa",), min_length=1)
    """The program and what comes before its arguments: `[mfa]` on PATH, `[conda, run, -n, aligner, mfa]`, or a
    container command that mounts `work_folder` under the same path and passes the variable `MFA_ROOT_DIR` on."""
    version: str = "3.4.3"
    """Version that the program must be: others give other alignments."""
    acoustic_model: str = ""
    """Path of an acoustic model (.zip). Empty: one is trained on the corpus, before its parts are aligned."""
    dictionary: str = ""
    """Path of a pronunciation dictionary with the phones of the acoustic model; or `cmudict`, for English and models
    trained here: CMUdict without stress. Empty: `cmudict`."""
    g2p_model: str = ""
    """Path of a G2P model (.zip) that pronounces the words that `dictionary` lacks. Empty: those words are rejected,
    their neighbours are kept."""
    training_hours: float = Field(default=25.0, gt=0)
    """Speech that a model is trained on at most: the first parts of the corpus. Once a corpus has more, new drops leave
    its model, and so its alignments, as they are."""
    single_speaker: bool = False
    """Split one speaker over jobs; gives up speaker adaptation."""
    beam: int = Field(default=0, ge=0)
    """Width of the search; 0: MFA's own (10). A wider one aligns more of what is far from its transcript."""
    retry_beam: int = Field(default=0, ge=0)
    """Width of the second search, for utterances that the first one lost; 0: MFA's own (40)."""
    output_format: Literal["json", "long_textgrid", "short_textgrid"] = "json"
    """What MFA writes; the words read from it are the same."""
    jobs: int = Field(default=1, ge=1)
    """Processes of one run, and CPUs that its Ray task asks for; at most one a speaker is used."""
    time_limit_s: PositiveSeconds = 7200.0
    """A run that takes longer is killed and counts as failed. MFA aligns at 16 to 27 x real time on two cores."""
    training_time_limit_s: PositiveSeconds = 172_800.0
    max_runs: int = Field(default=32, ge=1)
    """Runs that a part may take. A part that fails is tried again, then halved until its bad utterances stand alone;
    what was not reached by then is rejected."""
    work_folder: str = ""
    """Folder of the work folders of runs; empty: the system's temporary folder."""
    node_wait_s: float = Field(default=0.0, ge=0)
    """Time given to a cluster that scales by itself to start a node with the resource `mfa`."""

    @model_validator(mode="after")
    def _check(self) -> "MfaConfig":
        if self.acoustic_model and not self.dictionary:
            raise ValueError(
                f"acoustic_model is {self.acoustic_model!r} but dictionary is empty: name the one that has its phones "
                f"({CMUDICT} for a model that was trained with it)"
            )
        if self.g2p_model and self.dictionary in ("", CMUDICT):
            raise ValueError(f"g2p_model is {self.g2p_model!r}: name the dictionary that has its phones")
        return self


RUNNING = {
    "command",
    "acoustic_model",
    "dictionary",
    "g2p_model",
    "output_format",
    "jobs",
    "time_limit_s",
    "training_time_limit_s",
    "max_runs",
    "work_folder",
    "node_wait_s",
}
"""Fields of `MfaConfig` that do not decide an alignment; files do by what is in them, not by where they lie."""


class AlignmentConfig(Section):
    """Utterances to words."""

    padding_s: float = Field(default=0.5, ge=0)
    """Silence added at both ends before PocketSphinx aligns: without it the last word can be dropped."""
    mfa: MfaConfig = MfaConfig()

    def content(self, aligner: str) -> dict[str, Any]:
        """What of this section decides the output of an aligner, but for the content of files that it names."""
        if aligner == "mfa":
            return self.mfa.model_dump(mode="json", exclude=RUNNING)
        return self.model_dump(mode="json", exclude={"mfa"})
