"""Augmented SBERT experiments, put together from configs."""
