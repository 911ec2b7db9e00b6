"""What a set of trials is too small to show."""

CONFIDENCE = 0.95
FEW_SPEAKERS = 10
"""Below this, resampled speakers say little about other speakers."""


def bound_of_none(trials: int) -> float:
    """The error rate that lies above the true one with 95 % confidence when none of `trials` was an error.

    The exact binomial bound, close to 3 / trials; NaN without trials.
    """
    return 1 - (1 - CONFIDENCE) ** (1 / trials) if trials else float("nan")


def trials_to_show(rate: float) -> int:
    """How many trials without an error it takes to show that a rate is at most `rate`, with 95 % confidence."""
    return round(3 / rate)


def few_speakers(speakers: int) -> tuple[str, ...]:
    """A remark where there are too few speakers for an interval to be believed."""
    if speakers >= FEW_SPEAKERS:
        return ()
    return (f"too few speakers ({speakers}) for the interval to say much about others",)


def too_few_for_far(different_trials: int, fars: tuple[float, ...]) -> tuple[str, ...]:
    """A remark for every FAR that so many trials of different words cannot show."""
    return tuple(
        f"too few trials of different words ({different_trials:,}) to show a FAR of {100 * far:g} %: "
        f"{trials_to_show(far):,} are needed"
        for far in fars
        if different_trials < trials_to_show(far)
    )


def no_errors(what: str, errors: int, trials: int) -> tuple[str, ...]:
    """A remark where nothing went wrong, so that resampling shows no spread: how large the rate may be all the same."""
    if errors or not trials:
        return ()
    return (f"0 {what} in {trials:,}: below {100 * bound_of_none(trials):.2g} % at 95 % confidence",)
