"""Where a run keeps things."""

from pathlib import Path

import pytest

from kws_core.errors import ConfigError
from tasks.places import Places


@pytest.mark.parametrize(
    ("store", "tracking_uri", "named"),
    [
        ("", "https://user:secret@mlflow.example:5000", "MLFLOW_TRACKING_PASSWORD"),
        ("", "postgresql+psycopg2://user:secret@db.example/mlflow", "PGPASSWORD"),
        ("s3://key:secret@bucket/store", "", "variables of AWS"),
    ],
)
def test_no_address_has_a_password(tmp_path: Path, store: str, tracking_uri: str, named: str) -> None:
    with pytest.raises(ConfigError, match="has a password in it") as caught:
        Places.in_workspace(tmp_path, store, tracking_uri)
    assert named in str(caught.value)
    assert "secret" not in str(caught.value)


def test_addresses_without_a_password_are_taken_as_they_are(tmp_path: Path) -> None:
    places = Places.in_workspace(tmp_path, "s3://bucket/a@b:c", "https://user@mlflow.example:5000")
    assert places.store_url == "s3://bucket/a@b:c"
    assert places.tracking_uri == "https://user@mlflow.example:5000"
    assert Places.in_workspace(tmp_path).tracking_uri == f"sqlite:///{tmp_path.resolve()}/mlflow.db"
