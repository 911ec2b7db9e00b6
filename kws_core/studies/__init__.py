"""Studies: a paper's comparison, run with several seeds and told with intervals over speakers.

A study is one module `kws_core.studies.NAME` whose `STUDY` keeps the protocol `study.Study`, and one preset
`flows/presets/studies/NAME.yaml` for its configuration, a subclass of `study.StudyConfig`.
"""

from importlib import import_module

from kws_core.errors import ConfigError
from kws_core.studies.study import Study

NAMES = ("alignment_gate", "arora2019", "huh2020", "ma2019")


def find_study(name: str) -> Study:
    """The study of this name; raises `ConfigError` naming those that exist."""
    if name not in NAMES:
        raise ConfigError(f"study {name!r} is unknown; {', '.join(NAMES)} are accepted")
    study: Study = import_module(f"kws_core.studies.{name}").STUDY
    return study
