"""The exception tree.

KwsError
├── ConfigError      a preset, key or value that is not accepted
├── CorpusError      recordings or transcripts that cannot be used
│   └── AudioError   one recording that cannot be read
├── AlignmentError   an aligner that cannot run
├── SchemaError      a table that breaks its data contract
├── StoreError       a store that cannot be read or written
│   └── StoreOutageError  one that does not answer for now
├── SelectionError   splits, vocabularies or trials that cannot be formed
├── TrainingError    a run that cannot start or has diverged
├── EvaluationError  scores that cannot be measured
│   └── LeakError    a test that holds what training has heard
├── BundleError      a bundle that is missing, damaged or not ours
├── RegistryError    a registered model that cannot be reached or moved
└── ClusterError     a cluster without the room or the workers that a stage needs
"""


class KwsError(Exception):
    """A user's mistake or a broken input, said in one sentence that needs no traceback."""


class ConfigError(KwsError):
    """A preset, key or value that is not accepted."""


class CorpusError(KwsError):
    """Recordings or transcripts that cannot be used."""


class AudioError(CorpusError):
    """One recording that cannot be read."""


class AlignmentError(KwsError):
    """An aligner that cannot run."""


class SchemaError(KwsError):
    """A table that breaks its data contract."""


class StoreError(KwsError):
    """A store that cannot be read or written."""


class StoreOutageError(StoreError):
    """A store that does not answer for now: another attempt may be all that it needs."""


class SelectionError(KwsError):
    """Splits, vocabularies or trials that cannot be formed."""


class TrainingError(KwsError):
    """A training run that cannot start or has diverged."""


class EvaluationError(KwsError):
    """Scores that cannot be measured."""


class LeakError(EvaluationError):
    """A test that holds what training has heard, or calls a keyword a non-target."""


class BundleError(KwsError):
    """A bundle that is missing, damaged or not ours."""


class RegistryError(KwsError):
    """A registered model that cannot be reached or moved."""


class ClusterError(KwsError):
    """A cluster without the room or the workers that a stage needs."""
