"""A challenger and the champion on the same trials, segments and streams."""

from kws_core.bundle import Bundle
from kws_core.config import Experiment
from kws_core.evaluation.candidate import Candidate
from kws_core.evaluation.system_scores import SystemScores
from kws_core.gate import Evidence, gather_evidence
from tasks.judge import Trials, judge
from tasks.judge_streams import judge_streams


def judge_against(
    trials: Trials, experiment: Experiment, streams: str, challenger: Bundle, champion: Bundle
) -> Evidence:
    """What the gate looks at; `streams` may be empty."""
    selection = trials.selection_table()
    ours, theirs = _scores(trials, "challenger", challenger), _scores(trials, "champion", champion)
    return gather_evidence(
        selection,
        trials.store.read_table(trials.pairs),
        experiment.test_corpora,
        experiment.selection.keywords,
        ours,
        theirs,
        (
            judge_streams(trials.store, streams, challenger, experiment.seed),
            judge_streams(trials.store, streams, champion, experiment.seed),
        ),
        experiment.gate,
        experiment.seed,
    )


def judge_everywhere(trials: Trials, experiment: Experiment, streams: str, bundle: Bundle) -> dict[str, float]:
    """Named figures of a bundle on the trials and, where there are streams, on these."""
    on_streams = judge_streams(trials.store, streams, bundle, experiment.seed)
    return judge(trials, experiment, bundle).metrics() | ({} if on_streams is None else on_streams.metrics())


def _scores(trials: Trials, name: str, bundle: Bundle) -> SystemScores:
    embeddings = trials.embeddings(trials.selection_table(), bundle.encoder_path.read_bytes())
    return Candidate.of_bundle(name, bundle).scores(embeddings)
