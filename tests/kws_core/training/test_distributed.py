"""Two processes train what one trains, step by step."""

import re

import numpy as np
import pytest
import torch
from ranked_runs import CASES, ENCODERS, am_softmax, double_step, recorded, run_ranks

from kws_core.training.distributed import Ranks

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    torch.set_num_threads(1)
    found = []
    am_softmax(on_epoch=lambda report, dump: found.append(dump()))
    (folder / "checkpoint.pt").write_bytes(found[1])
    return run_ranks(2, folder)


@pytest.mark.parametrize("case", CASES)
def test_every_step_is_that_of_one_process(case, two_ranks):
    one = recorded(CASES[case])
    assert len(one["losses"]) > 2
    for rank in two_ranks:
        two = rank[case]
        np.testing.assert_allclose(two["losses"], one["losses"], atol=TOLERANCE, rtol=TOLERANCE)
        torch.testing.assert_close(two["steps"], one["steps"], atol=TOLERANCE, rtol=0)
        assert (one["steps"][-1] - one["steps"][0]).abs().max() > 100 * TOLERANCE, "nothing would have been learnt"
        torch.testing.assert_close(two["weights"], one["weights"], atol=TOLERANCE, rtol=TOLERANCE)
        assert len(two["history"]) == len(one["history"])
        assert two["delivered"]["epoch"] == one["delivered"]["epoch"]
        assert two["delivered"]["development_eer"] == pytest.approx(one["delivered"]["development_eer"], abs=0.01)


@pytest.mark.parametrize("config", ENCODERS, ids=lambda config: config.name)
def test_a_step_of_every_encoder_is_exact_in_double_precision(config, two_ranks):
    one = double_step(config, Ranks())
    for rank in two_ranks:
        assert rank["double"][config.name].keys() == one.keys()
        torch.testing.assert_close(rank["double"][config.name], one, atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_ranks_hold_the_same_bits(case, two_ranks):
    first, second = (rank[case] for rank in two_ranks)
    assert first["losses"] == second["losses"]
    assert all(torch.equal(a, b) for a, b in zip(first["steps"], second["steps"], strict=True))
    assert first["history"] == second["history"]
    assert first["weights"].keys() == second["weights"].keys()
    assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())


def test_the_cases_would_notice_statistics_of_a_share_alone(two_ranks):
    """Normalisation by the rows of one rank moves the loss by far more than the tolerance."""
    moved = abs(
        recorded(lambda: am_softmax(batch_size=5, epochs=1))["losses"][0] - two_ranks[0]["am_softmax"]["losses"][0]
    )
    assert moved > 100 * TOLERANCE


def test_early_stopping_is_part_of_what_is_compared(two_ranks):
    assert len(two_ranks[0]["am_softmax"]["history"]) < 6


def test_a_run_of_one_process_is_gone_on_from_by_two(two_ranks):
    whole = two_ranks[0]["am_softmax"]
    resumed = two_ranks[0]["resumed"]
    steps = len(whole["losses"]) * 2 // len(whole["history"])
    np.testing.assert_allclose(resumed["losses"], whole["losses"][steps:], atol=TOLERANCE, rtol=TOLERANCE)
    torch.testing.assert_close(resumed["weights"], whole["weights"], atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        ("seeds", "workers . and . do not train the same run: the configuration differs"),
        ("rows", "2 workers cannot share a batch of 1 segments: lower refit.max_workers to at most 1"),
        ("divergence", r"lower training\.learning_rate \(1e\+30\)"),
    ],
)
def test_refusals_are_the_same_on_every_rank(refused, sentence, two_ranks):
    for rank in two_ranks:
        said = rank["refusals"][refused]
        assert "\n" not in said
        assert re.search(sentence, said), said


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("rows", [1, 2, 7, 32, 33])
def test_shares_are_all_rows_in_order_and_about_equal(world, rows):
    shares = [np.arange(rows)[Ranks(rank, world).share(rows)] for rank in range(world)]
    assert np.concatenate(shares).tolist() == list(range(rows))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
