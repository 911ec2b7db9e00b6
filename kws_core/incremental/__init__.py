"""Embeddings of a stream whose frames of features, and first layers, are computed once for all windows they lie in."""
