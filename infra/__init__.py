"""Infrastructure as files, and the same as processes on loopback (`infra/stack/`)."""
