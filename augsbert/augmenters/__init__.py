"""Augmenters: from scored pairs to pairs with other words and the same scores. One part a file, called with (gold)."""
