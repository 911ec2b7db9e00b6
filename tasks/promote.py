"""The gate: a candidate's own checks, then the challenger against the champion, and the aliases moved or why not."""

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.evaluation.segment_windows import SegmentWindows
from kws_core.gate import Check, Decision, check_against_champion, check_minima, decide
from tasks import registry
from tasks.console import say
from tasks.decisions import publish
from tasks.judge import Trials
from tasks.judge_against import judge_against, judge_everywhere
from tasks.move import Aliases, current_aliases, decide_under_lock, finish_moves, to_champion
from tasks.own_checks import check_registered
from tasks.package import fetch_bundle
from tasks.places import Places
from tasks.stage import stage_task
from tasks.training_input import TrainingInput

if TYPE_CHECKING:
    from mlflow import MlflowClient

WINDOWS = 8
"""Segments that a registered version answers beside its bundle."""


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
    """Decide and move the aliases; every move and every refusal is kept as a document."""
    with registry.told(places.tracking_uri):
        store, client, name = places.store(), registry.client(places.tracking_uri), experiment.name
        bundle = fetch_bundle(places, bundle_key)
        finish_moves(client, name)
        decision = _settled(client, name, version, bundle)
        if decision is None:
            trials = Trials(store, segments, given.selection, given.pairs)
            decision = _Candidate(client, trials, experiment, streams, bundle, version).promote()
        publish(client, store, registry.versions(client, name))
    verdict = "[green]promoted[/green]" if decision.promoted else "[yellow]not promoted[/yellow]"
    say("gate", f"version {version} {verdict}: {decision.reason}")
    return decision


def _settled(client: "MlflowClient", name: str, version: str, bundle: Bundle) -> Decision | None:
    """The answer where nothing is to be decided any more."""
    champion = registry.version_by_alias(client, name, registry.CHAMPION)
    if champion is not None and champion.tags.get(registry.BUNDLE_TAG) == bundle.fingerprint:
        return Decision(True, f"version {champion.version} is this very bundle and is already champion")
    if registry.PROMOTED_TAG in client.get_model_version(name, version).tags:
        return Decision(False, f"version {version} was champion before; it was replaced or rolled back since")
    return None


class _ChampionMovedError(Exception):
    """Another process made another version champion while this one was judged."""


class _Candidate:
    """A registered version on its way."""

    def __init__(
        self,
        client: "MlflowClient",
        trials: Trials,
        experiment: Experiment,
        streams: str,
        bundle: Bundle,
        version: str,
    ) -> None:
        self._client = client
        self._trials = trials
        self._experiment = experiment
        self._streams = streams
        self._bundle = bundle
        self._version = version
        self._backend = bundle.description.decision if bundle.description.keywords else None
        self._figures = judge_everywhere(trials, experiment, streams, bundle)

    def promote(self) -> Decision:
        """Through its own checks and the gate; judged anew whenever the champion has changed meanwhile."""
        decision = self._challenge()
        while decision.promoted:
            champion = registry.version_by_alias(self._client, self._experiment.name, registry.CHAMPION)
            judged_against = None if champion is None else str(champion.version)
            decision, served = self._judge(champion)

            def move(now: dict[str, str], expected: str | None = judged_against) -> Aliases:
                if now.get(registry.CHAMPION) != expected:
                    raise _ChampionMovedError
                return to_champion(self._version, now)

            try:
                self._record("gate", decision, move, champion_figures=served)
            except _ChampionMovedError:
                continue
            break
        return decision

    def _challenge(self) -> Decision:
        """Its own checks; the alias `challenger` where it passes them."""
        name = self._experiment.name
        checks = check_minima(self._figures, self._backend, self._experiment.gate)
        passed = f"passed its own checks: {checks[0].sentence()}"
        challenges = current_aliases(self._client, name).get(registry.CHALLENGER) == self._version
        if not challenges:
            checks += check_registered(self._client, name, self._version, self._bundle, self._windows())
        decision = decide(checks, passed)
        if not (challenges and decision.promoted):
            tags = {registry.CHECKS_TAG: "passed" if decision.promoted else "failed"}
            self._record("own checks", decision, self._to_challenger, tags=tags)
        return decision

    def _to_challenger(self, now: dict[str, str]) -> Aliases:
        return {registry.CHALLENGER: self._version, registry.CANDIDATE: None}

    def _judge(self, champion: Any | None) -> tuple[Decision, dict[str, float] | None]:
        """Against the champion, if there is one; and the champion's figures."""
        gate = self._experiment.gate
        if champion is None:
            minima = check_minima(self._figures, self._backend, gate)
            primary = minima[0].sentence().partition(";")[0]
            return decide(minima, f"there was no champion, and {primary} is within {100 * gate.max_frr:g} %"), None
        with registry.downloaded(self._client, f"models:/{self._experiment.name}/{champion.version}") as served:
            figures = judge_everywhere(self._trials, self._experiment, self._streams, served)
            evidence = judge_against(self._trials, self._experiment, self._streams, self._bundle, served)
        return decide(check_against_champion(evidence, gate)), figures

    def _record(self, kind: str, decision: Decision, move: Callable[[dict[str, str]], Aliases], **more: Any) -> None:
        def content(now: dict[str, str]) -> dict[str, Any]:
            aliases = move(now)
            return {
                "kind": kind,
                "aliases": aliases if decision.promoted else {},
                "reason": decision.reason,
                "decided_by": decision.decided_by,
                "checks": [_plain(check) for check in decision.checks],
                "gate": self._experiment.gate.model_dump(mode="json"),
                "bundle": self._bundle.fingerprint,
                "figures": self._figures,
                "judged_on": {
                    "segments": self._trials.segments.fingerprint,
                    "selection": self._trials.selection.fingerprint,
                    "pairs": self._trials.pairs.fingerprint,
                    "streams": self._streams,
                },
                **more,
            }

        decide_under_lock(self._client, self._experiment.name, self._version, content)

    def _windows(self) -> NDArray[np.float32]:
        """Some segments, from all over the selection."""
        selection = self._trials.selection_table()
        chosen = selection.take(np.linspace(0, selection.num_rows - 1, WINDOWS).astype(np.int64))
        return SegmentWindows(self._trials.store, self._trials.segments, chosen)(range(chosen.num_rows))


def _plain(check: Check) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in asdict(check).items() if value not in (None, "")}
