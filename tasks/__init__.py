"""One module a stage: where the work runs (Ray), what is retried (Prefect), what is recorded (MLflow)."""
