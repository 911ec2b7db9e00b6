"""A retrain that starts from the champion: which version that is, decided once for the same data and configuration."""

from typing import Any

from kws_core.config import Experiment, StrategyConfig, TrainingSpec
from kws_core.errors import TrainingError
from kws_core.fingerprint import fingerprint
from tasks import registry
from tasks.console import say
from tasks.places import Places
from tasks.stage import stage_task
from tasks.starting_bundle import REGISTERED
from tasks.training_input import TrainingInput

KIND = "warm_start"
VERSION = 1
CHAMPION = "champion"
"""`strategy.bundle` that stands for the experiment's own champion."""


@stage_task("warm_start")
def warm_start(places: Places, experiment: Experiment, given: TrainingInput) -> Experiment:
    """Put the champion's version in the place of `strategy.bundle: champion`; other strategies stay as they are.

    Where there is no champion, or none of the same features and an encoder of `search.encoders`, training is
    single-stage with fresh weights. Else only the champion's encoder is searched. The decision is kept in the store: a
    run on the same data starts from the same version, although its own result may be champion by then.
    """
    if experiment.strategy.bundle != CHAMPION:
        return experiment
    store = places.store()
    sections = (experiment.name, experiment.features, experiment.loss, experiment.sampling, experiment.training)
    searched = (experiment.augmentation, experiment.search, experiment.seed)
    key = fingerprint(KIND, VERSION, *sections, *searched, given)
    decided = store.read_document(KIND, key)
    if decided is None:
        decided = _decide(places, experiment)
        store.write_document(KIND, key, decided)
    say("warm start", decided["said"])
    if not decided["bundle"]:
        return experiment.model_copy(update={"strategy": StrategyConfig()})
    encoder = experiment.search.encoders[decided["encoder"]]
    return experiment.model_copy(
        update={
            "strategy": experiment.strategy.model_copy(update={"bundle": decided["bundle"]}),
            "search": experiment.search.model_copy(update={"encoders": (encoder,)}),
        }
    )


def _decide(places: Places, experiment: Experiment) -> dict[str, Any]:
    """The bundle to start from, "" for fresh weights, the number of its encoder, and both in one line."""
    # here: importing torch costs seconds
    from kws_core.strategies.fine_tune import starting_weights

    client = registry.client(places.tracking_uri)
    champion = registry.version_by_alias(client, experiment.name, registry.CHAMPION)
    if champion is None:
        return {"bundle": "", "encoder": 0, "said": f"fresh weights: {experiment.name} has no champion"}
    uri = f"{REGISTERED}{experiment.name}/{champion.version}"
    reason = ""
    with registry.downloaded(client, uri) as bundle:
        for number, encoder in enumerate(experiment.search.encoders):
            try:
                starting_weights(bundle, TrainingSpec(features=experiment.features, encoder=encoder))
            except TrainingError as error:
                reason = reason or str(error)
                continue
            said = f"from the champion, version {champion.version}, encoder {encoder.name}"
            return {"bundle": uri, "encoder": number, "said": said}
    return {"bundle": "", "encoder": 0, "said": f"fresh weights: version {champion.version}: {reason}"}
