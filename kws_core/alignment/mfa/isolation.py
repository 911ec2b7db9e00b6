"""Runs of MFA in which one bad file never costs a part."""

from collections import deque
from collections.abc import Callable, Sequence

from kws_core.alignment.mfa.accounting import Accounted, refused
from kws_core.alignment.mfa.corpus_folder import PooledUtterance
from kws_core.alignment.mfa.program import MfaRunError, NoneAlignedError
from kws_core.errors import AlignmentError

Run = Callable[[Sequence[PooledUtterance]], dict[str, Accounted]]
"""Aligns a batch and accounts for each of its utterances; raises `MfaRunError`."""


def align_in_runs(utterances: Sequence[PooledUtterance], run: Run, max_runs: int) -> dict[str, Accounted]:
    """Account for every utterance, by utterance id, in at most `max_runs` runs.

    All go into one run. If it fails it is tried again, then halved, between speakers where that is possible, until
    what makes it fail stands alone and is refused with the reason. Halving costs about two runs for every doubling of
    the utterances; what was not reached by then is refused too.

    Raises:
        AlignmentError: no run was well, so it is not for the utterances that they failed.
    """
    done: dict[str, Accounted] = {}
    batches = deque([sorted(utterances, key=lambda utterance: (utterance.speaker, utterance.name))] * bool(utterances))
    runs, well, reason = 0, False, ""
    while batches:
        batch = batches.popleft()
        if runs >= max_runs:
            text = f"MFA fails ({reason}), and {max_runs} runs were not enough to find at which utterances"
            done |= {utterance.utterance_id: refused(text) for utterance in batch}
            continue
        runs += 1
        try:
            done |= run(batch)
            well = True
        except NoneAlignedError:
            well = True
            text = "MFA finds no path through the audio: the transcript is too far from it"
            done |= {utterance.utterance_id: refused(text) for utterance in batch}
        except MfaRunError as error:
            reason = str(error)
            if runs == 1:
                batches.appendleft(batch)
            elif len(batch) == 1:
                done[batch[0].utterance_id] = refused(f"MFA fails on it: {reason}")
            else:
                batches.extendleft(reversed(halves(batch)))
    if utterances and not well:
        raise AlignmentError(f"MFA failed in all {runs} runs of {len(utterances)} utterances: {reason}")
    return done


def halves(batch: Sequence[PooledUtterance]) -> tuple[list[PooledUtterance], list[PooledUtterance]]:
    """Split two or more utterances, ordered by speaker, at the change of speaker that is nearest to the middle.

    A speaker is only split where the larger part would be more than three quarters.
    """
    middle, quarter = len(batch) // 2, len(batch) // 4
    changes = [
        place
        for place in range(max(quarter, 1), len(batch) - quarter + 1)
        if place < len(batch) and batch[place].speaker != batch[place - 1].speaker
    ]
    place = min(changes, key=lambda place: abs(place - middle), default=middle)
    return list(batch[:place]), list(batch[place:])
