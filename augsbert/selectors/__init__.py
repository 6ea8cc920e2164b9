"""Selectors: from scored candidates to silver. One part a file, called with (scored, evidence)."""
