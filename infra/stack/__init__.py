"""The topology of `compose.yaml` as processes on loopback: `make stack`."""
