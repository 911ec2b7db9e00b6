"""Fixtures of the core's tests; this file also makes `builders` importable from every folder below."""

import pytest


@pytest.fixture(scope="session")
def spoken(tmp_path_factory):
    """One tiny trained bundle for the whole session (`builders.Spoken`); tests that change files work on a copy."""
    from builders import train_spoken

    return train_spoken(tmp_path_factory.mktemp("spoken"))


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread():
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads only wait for each other where tests share the cores
    yield
    torch.set_num_threads(threads)
