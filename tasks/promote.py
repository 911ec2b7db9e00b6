"""The gate: the challenger against the champion on the same trials, and the alias moved or the reason why not."""

from dataclasses import asdict

from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.fingerprint import fingerprint
from kws_core.gate import Decision, decide_promotion
from tasks import registry
from tasks.console import say
from tasks.judge import Trials, judge
from tasks.judge_streams import judge_streams
from tasks.package import fetch_bundle
from tasks.places import Places
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

KIND = "decision"


@stage_task("promote")
def promote(
    places: Places,
    experiment: Experiment,
    segments: str,
    given: TrainingInput,
    bundle_key: str,
    version: str,
    streams: str = "",
) -> Decision:
    """Decide and move the aliases; the decision is kept as a document."""
    store = places.store()
    client = registry.client(places.tracking_uri)
    bundle = fetch_bundle(places, bundle_key)
    champion = registry.version_by_alias(client, experiment.name, registry.CHAMPION)
    if champion is not None and champion.tags.get(registry.BUNDLE_TAG) == bundle.fingerprint:
        decision = Decision(True, f"version {champion.version} is this very bundle and is already champion")
        # a killed attempt may have stopped after the alias moved
        client.set_model_version_tag(experiment.name, str(champion.version), registry.PROMOTED_TAG, "yes")
        say("gate", decision.reason)
        return decision
    if registry.PROMOTED_TAG in client.get_model_version(experiment.name, version).tags:
        decision = Decision(False, f"version {version} was champion before; it was replaced or rolled back since")
        say("gate", decision.reason)
        return decision
    trials = Trials(store, segments, given.selection, given.pairs)
    challenger_figures = _figures(trials, experiment, streams, bundle)
    champion_figures = champion_backend = None
    if champion is not None:
        with registry.downloaded(client, f"models:/{experiment.name}/{champion.version}") as served:
            champion_figures = _figures(trials, experiment, streams, served)
            champion_backend = served.description.decision
    backend = bundle.description.decision if bundle.description.keywords else None
    decision = decide_promotion(
        challenger_figures, champion_figures, backend, experiment.gate, champion_backend if backend else None
    )
    content = {
        "challenger": {"version": version, "bundle": bundle.fingerprint, "metrics": challenger_figures},
        "champion": champion and {"version": champion.version, "metrics": champion_figures},
        "gate": experiment.gate.model_dump(mode="json"),
        "trials": given.pairs,
        **asdict(decision),
    }
    store.write_document(KIND, fingerprint(KIND, content), content)
    if decision.promoted:
        registry.move_champion(client, experiment.name, version)
        client.set_model_version_tag(experiment.name, version, registry.PROMOTED_TAG, "yes")
    client.set_model_version_tag(experiment.name, version, registry.DECISION_TAG, decision.reason)
    verdict = "[green]promoted[/green]" if decision.promoted else "[yellow]not promoted[/yellow]"
    say("gate", f"version {version} {verdict}: {decision.reason}")
    return decision


def _figures(trials: Trials, experiment: Experiment, streams: str, bundle: Bundle) -> dict[str, float]:
    """Figures of a bundle on the trials and, where there are streams, on these."""
    on_streams = judge_streams(trials.store, streams, bundle, experiment.seed)
    return judge(trials, experiment, bundle).metrics() | ({} if on_streams is None else on_streams.metrics())
