"""Composition, parameters, presets and the `kws` command line."""
