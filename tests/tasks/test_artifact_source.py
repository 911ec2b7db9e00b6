"""A registered version whose files lie where its registry has no business is not fetched."""

import pytest

from kws_core.errors import RegistryError
from tasks.artifact_source import check_source

SERVER = "https://mlflow.example:5000"
DATABASE = "sqlite:///mlflow.db"


@pytest.mark.parametrize(
    ("source", "tracking_uri"),
    [
        ("mlflow-artifacts:/1/models/m-1/artifacts", SERVER),
        ("mlflow-artifacts://mlflow.example:5000/1/models", SERVER),
        ("s3://bucket/1/models/m-1/artifacts", SERVER),
        ("s3://bucket/a..b/model", "postgresql://db.example/mlflow"),
    ],
)
def test_artifacts_of_the_registry_are_accepted(source: str, tracking_uri: str) -> None:
    check_source("models:/kws/1", source, tracking_uri)


@pytest.mark.parametrize(
    ("source", "tracking_uri", "told"),
    [
        ("file:///etc", SERVER, "is a folder of this machine, and the registry is https://mlflow.example:5000"),
        ("/etc", SERVER, "is a folder of this machine"),
        ("file://other.example/share", DATABASE, "is on another machine"),
        ("mlflow-artifacts:/1/../../secret", SERVER, r"has \.\. in it"),
        ("mlflow-artifacts:/1/%252e%252e/secret", SERVER, r"has \.\. in it"),
        ("s3://bucket/1/..%5C..%5Csecret", SERVER, r"has \.\. in it"),
        ("mlflow-artifacts://elsewhere.example/1/models", SERVER, "is none of the artifacts of its registry"),
        ("https://elsewhere.example/model", SERVER, "is none of the artifacts of its registry"),
        ("kws-foundry:/no-model", DATABASE, "is none of the artifacts of its registry"),
    ],
)
def test_other_places_are_refused(source: str, tracking_uri: str, told: str) -> None:
    with pytest.raises(RegistryError, match=rf"^models:/kws/1 is refused: its source \S+ {told}.*; artifacts that the"):
        check_source("models:/kws/1", source, tracking_uri)
