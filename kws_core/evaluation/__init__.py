"""Evaluation: error rates with their intervals, and how they are drawn."""
