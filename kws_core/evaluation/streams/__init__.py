"""Continuous audio with known events: how often a spotter misses keywords, and how often it hears what is not there."""
