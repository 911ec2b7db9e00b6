"""What MFA needs on a cluster: nodes that have it, and model files that every node can read."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kws_core import corpora
from kws_core.alignment.mfa.training import train_acoustic_model
from kws_core.config import AlignmentConfig, MfaConfig
from kws_core.errors import AlignmentError
from kws_core.fingerprint import fingerprint, sha256
from kws_core.manifest import Part
from kws_core.store import Store
from tasks.cluster import cause, connect
from tasks.console import say

KIND = "mfa"
RESOURCE = "mfa"
TRAINING_VERSION = 1
FILES = {"acoustic_model": "acoustic_model.zip", "dictionary": "dictionary.dict", "g2p_model": "g2p_model.zip"}
BUILT_IN = ("", "cmudict")


@dataclass(frozen=True)
class MfaFiles:
    """Keys of the files in the store that decide an alignment; what is built in has its name as key."""

    acoustic_model: str
    dictionary: str
    g2p_model: str


def publish_files(store: Store, config: MfaConfig) -> MfaFiles:
    """Put the files that a configuration names into the store, by their SHA-256; `AlignmentError` for missing ones."""
    keys = {}
    for field, name in FILES.items():
        path = getattr(config, field)
        if path in BUILT_IN:
            keys[field] = ""
            continue
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise AlignmentError(f"alignment.mfa.{field}: {path} cannot be read: {error.strerror or error}") from error
        keys[field] = sha256(content)
        if not store.has_object(KIND, keys[field], name):
            store.write_object(KIND, keys[field], name, content)
    return MfaFiles(**keys)


def trained_files(
    store: Store, config: AlignmentConfig, files: MfaFiles, corpus: str, language: str, parts: Sequence[Part]
) -> MfaFiles:
    """The files of a corpus, its acoustic model trained on its first parts where none is configured.

    The key of a trained model is known from the parts before it is trained, so nothing is trained twice.
    """
    if files.acoustic_model:
        return files
    chosen = _first_hours(store, parts, config.mfa.training_hours)
    content = [config.content("mfa"), files.dictionary, files.g2p_model, language]
    key = fingerprint("mfa model", TRAINING_VERSION, content, [part.key for part in chosen])
    name = FILES["acoustic_model"]
    if not store.has_object(KIND, key, name):
        require_nodes(config.mfa)
        say("align", f"{corpus}: training an acoustic model on {sum(part.rows for part in chosen):,} utterances")
        ray = connect()
        task = ray.remote(num_cpus=config.mfa.jobs, resources={RESOURCE: 1}, max_retries=3)(_train)
        reference = task.remote(store.url, config, files, language, tuple(chosen), key)
        try:
            ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise cause(error) from None
        except BaseException:
            ray.cancel(reference)
            raise
    return MfaFiles(key, files.dictionary, files.g2p_model)


def require_nodes(config: MfaConfig) -> None:
    """Raise `AlignmentError` unless a node has the resource `mfa` and CPUs for one run; waits for it as configured."""
    ray = connect()
    deadline = time.monotonic() + config.node_wait_s
    asked = False
    try:
        while True:
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            cpus = [node.get("CPU", 0) for node in nodes if node.get(RESOURCE, 0) >= 1]
            if any(count >= config.jobs for count in cpus):
                return
            if time.monotonic() >= deadline:
                break
            if not asked:
                asked = True
                ray.autoscaler.sdk.request_resources(bundles=[{RESOURCE: 1, "CPU": config.jobs}])
            time.sleep(0.5)
    finally:
        if asked:
            ray.autoscaler.sdk.request_resources(bundles=[])
    if cpus:
        raise AlignmentError(f"alignment.mfa.jobs is {config.jobs}, but nodes with MFA have {max(cpus):g} CPUs at most")
    raise AlignmentError(
        "no node of the Ray cluster has the resource mfa: start one where MFA is installed (see infra/mfa) by "
        f"ray start --address … --resources '{{\"{RESOURCE}\": 1}}'"
    )


@contextmanager
def local_config(store: Store, config: AlignmentConfig, files: MfaFiles) -> Iterator[AlignmentConfig]:
    """The configuration with paths of this machine in place of the user's, for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="kws-mfa-", dir=config.mfa.work_folder or None) as folder:
        paths = {}
        for field, name in FILES.items():
            if key := getattr(files, field):
                path = Path(folder) / name
                path.write_bytes(store.read_object(KIND, key, name))
                paths[field] = str(path)
        yield config.model_copy(update={"mfa": config.mfa.model_copy(update=paths)})


def _first_hours(store: Store, parts: Sequence[Part], hours: float) -> list[Part]:
    """As many parts as it takes, from the first, to have so many hours of speech."""
    chosen, seconds = [], 0.0
    for part in parts:
        if seconds >= 3600 * hours:
            break
        chosen.append(part)
        seconds += sum(store.read_part(corpora.STAGE, part, ["duration_s"])["duration_s"].to_pylist())
    return chosen


def _train(
    store_url: str, config: AlignmentConfig, files: MfaFiles, language: str, parts: tuple[Part, ...], key: str
) -> None:
    store = Store(store_url)
    utterances = (store.read_part(corpora.STAGE, part) for part in parts)
    with local_config(store, config, files) as local:
        model = train_acoustic_model(utterances, local.mfa, language)
    store.write_object(KIND, key, FILES["acoustic_model"], model)
