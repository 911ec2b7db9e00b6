"""Aliases on a real MLflow registry in sqlite."""

import pytest

from kws_core.errors import BundleError, RegistryError
from tasks import registry


@pytest.fixture
def client(tmp_path):
    client = registry.client(f"sqlite:///{tmp_path / 'mlflow.db'}")
    client.create_registered_model("kws")
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(3):
        client.create_model_version("kws", str(folder), tags={registry.BUNDLE_TAG: f"bundle-{number // 2}"})
    return client


def aliases(client):
    found = {}
    for alias in (registry.CHAMPION, registry.PREVIOUS):
        version = registry.version_by_alias(client, "kws", alias)
        found[alias] = version and str(version.version)
    return found


def test_the_former_champion_becomes_previous_and_comes_back(client):
    registry.move_champion(client, "kws", "1")
    assert aliases(client) == {"champion": "1", "previous": None}
    registry.move_champion(client, "kws", "2")
    assert aliases(client) == {"champion": "2", "previous": "1"}
    registry.move_champion(client, "kws", "2")  # again, as after a kill between alias and tag
    assert aliases(client) == {"champion": "2", "previous": "1"}
    assert registry.roll_back(client, "kws") == ("2", "1")
    assert aliases(client) == {"champion": "1", "previous": "2"}


def test_nothing_to_roll_back_to(client):
    with pytest.raises(RegistryError, match="no version with the alias champion"):
        registry.roll_back(client, "kws")
    registry.move_champion(client, "kws", "1")
    with pytest.raises(RegistryError, match="no version with the alias previous"):
        registry.roll_back(client, "kws")


def test_the_newest_version_of_a_bundle_is_found(client):
    assert str(registry.version_of_bundle(client, "kws", "bundle-0").version) == "2"
    assert str(registry.version_of_bundle(client, "kws", "bundle-1").version) == "3"
    assert registry.version_of_bundle(client, "kws", "another") is None


def test_unknown_models_and_foreign_content_are_refused(client):
    assert registry.version_by_alias(client, "nobody", "champion") is None
    with (
        pytest.raises(RegistryError, match="models:/kws@champion cannot be fetched"),
        registry.downloaded(client, "models:/kws@champion"),
    ):
        pass
    registry.move_champion(client, "kws", "1")
    with (
        pytest.raises((RegistryError, BundleError), match=r"it is not ours|cannot be fetched"),
        registry.downloaded(client, "models:/kws@champion"),
    ):
        pass
