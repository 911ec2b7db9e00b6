"""The HTML report of a run: to the workspace, to its MLflow run, and linked from Prefect."""

import contextlib
from typing import TYPE_CHECKING, Any

from kws_core import alignment, corpora
from kws_core import segments as segments_stage
from kws_core.alignment_gate import choose_examples, judge_alignments, read_examples, read_measures
from kws_core.atomic_file import write_atomically
from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.fingerprint import fingerprint, sha256
from kws_core.gate import Decision
from kws_core.manifest import Manifest
from kws_core.report.alignment_gate import GateReport
from kws_core.report.corpora import summarise_corpora
from kws_core.report.evaluation import EvaluationFacts
from kws_core.report.run import RunFacts, run_report
from kws_core.store import Store
from tasks import featurise, refit, registry
from tasks.code_version import code_version
from tasks.console import say
from tasks.examine import examine_bundle
from tasks.ingest import read_reference
from tasks.judge import Trials
from tasks.link_report import link_report
from tasks.package import fetch_bundle
from tasks.places import Places
from tasks.search import KIND as SEARCH
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

if TYPE_CHECKING:
    from mlflow import MlflowClient


KIND = "report"


@stage_task("report")
def publish_report(
    places: Places,
    experiment: Experiment,
    datasets: dict[str, str],
    given: TrainingInput,
    keys: dict[str, str],
    version: str,
    decision: Decision,
) -> str:
    """Write the report and log it to the version's run, unless it is there as it would be; returns its path."""
    store = places.store()
    client = registry.client(places.tracking_uri)
    bundle = fetch_bundle(places, keys["bundle"])
    served = _served_before(client, experiment, bundle, decision)
    path = places.workspace / "report.html"
    run_id = client.get_model_version(experiment.name, version).run_id
    facts = [datasets, given, keys, version, served and served.version, decision.promoted, places.tracking_uri]
    key = fingerprint(KIND, code_version(), experiment, *facts)
    made = store.read_document(KIND, key)
    if made is not None and path.exists() and sha256(path.read_bytes()) == made["sha256"]:
        link_report(client, path, experiment.name, f"version {version}", decision.reason, run_id)
        say("report", f"{path}, nothing to compute")
        return str(path)
    stages = {
        "utterances": store.dataset(corpora.STAGE, datasets["utterances"]),
        "words": store.dataset(alignment.STAGE, datasets["words"]),
        "segments": store.dataset(segments_stage.STAGE, datasets["segments"]),
        "features": store.dataset(featurise.STAGE, given.features),
    }
    reference = read_reference(store, stages["utterances"])
    trials = Trials(store, datasets["segments"], given.selection, given.pairs)
    page = run_report(
        RunFacts(
            experiment=experiment,
            bundle=bundle,
            stages=stages,
            quarantine={
                name: store.read_quarantine(manifest)
                for name, manifest in {**stages, "selection": trials.selection}.items()
            },
            words=store.read_table(stages["words"]),
            reference=store.read_table(reference) if reference is not None else None,
            selection=trials.selection_table(),
            evaluation=_evaluation(client, trials, experiment, datasets.get("streams", ""), bundle, version, served),
            search=store.read_document(SEARCH, keys["search"]) or {},
            training=store.read_document(refit.KIND, keys["encoder"]) or {},
            model_version=version,
            decision=decision,
            corpora=summarise_corpora(store, stages["utterances"], stages["segments"]),
            alignment_gate=_gate_report(store, stages["segments"], experiment),
        )
    )
    write_atomically(path, page.encode())
    client.log_artifact(run_id, str(path))
    store.write_document(KIND, key, {"sha256": sha256(page.encode())})
    link_report(client, path, experiment.name, f"version {version}", decision.reason, run_id)
    say("report", str(path))
    return str(path)


def _served_before(client: "MlflowClient", experiment: Experiment, bundle: Bundle, decision: Decision) -> Any | None:
    """The version that this one was weighed against: the champion, or the one before a champion that it became."""
    alias = registry.PREVIOUS if decision.promoted else registry.CHAMPION
    found = registry.version_by_alias(client, experiment.name, alias)
    if found is None or found.tags.get(registry.BUNDLE_TAG) == bundle.fingerprint:
        return None
    return found


def _evaluation(
    client: "MlflowClient",
    trials: Trials,
    experiment: Experiment,
    streams: str,
    bundle: Bundle,
    version: str,
    served: Any | None,
) -> EvaluationFacts:
    ours = f"version {version}", bundle
    with contextlib.ExitStack() as stack:
        theirs = None
        if served is not None:
            address = f"models:/{experiment.name}/{served.version}"
            theirs = f"version {served.version}", stack.enter_context(registry.downloaded(client, address))
        return examine_bundle(trials, experiment, streams, ours, theirs)


def _gate_report(store: Store, segments: Manifest, experiment: Experiment) -> GateReport | None:
    """What the gate did, as the selection had it: it judges the same segments in the same way."""
    if not experiment.alignment_gate.enabled:
        return None
    outcome = judge_alignments(read_measures(store, segments), experiment.alignment_gate)
    return GateReport(outcome, read_examples(store, segments, outcome, choose_examples(outcome)))
