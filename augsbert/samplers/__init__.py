"""Samplers: from sentences without labels to candidate pairs. One part a file, called with (pool, exclude)."""
