"""Forced alignment by the Montreal Forced Aligner, a program of an environment of its own.

Its behaviour as observed in version 3.4.3, and where it is dealt with:

- what MFA keeps of earlier runs, and `--clean` being off: `program`, `aligner` (a root folder a run, and `--clean`);
- speakers told by the innermost folder's name, files by their basename: `corpus_folder` (hashed names);
- garbage audio that aborts a run, silent gaps in what comes out: `corpus_folder`, `accounting`;
- words in no dictionary, counted by letters and told by nothing but the phone `spn`: `dictionary`, `accounting`;
- a run that fails: `isolation`.
"""

from kws_core.alignment.mfa.aligner import MfaAligner

__all__ = ["MfaAligner"]
