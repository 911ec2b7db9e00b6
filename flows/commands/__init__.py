"""The commands of `kws`, one a file: its options, and the flow that it calls."""
