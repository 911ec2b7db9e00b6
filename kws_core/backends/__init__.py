"""Back ends: from embeddings to a score per keyword, and from scores to a decision."""
