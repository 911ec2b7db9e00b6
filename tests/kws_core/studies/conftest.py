"""Makes `study_builders` importable from the tests of this folder."""
