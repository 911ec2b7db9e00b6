"""What infra/prefect.yaml deploys: flows with parameters that a person fills in, or a schedule or an event does."""
