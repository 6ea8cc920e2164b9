"""Texts in batches of like length, so that little is padded: what the augmenters share that run a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def by_length(texts: Sequence[str], size: int, said: str) -> Iterator[list[int]]:
    """Places of the texts, the longest first, ``size`` at a time; ``said`` names the work on the progress bar."""
    from tqdm import tqdm

    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    with tqdm(total=len(order), desc=said, unit=" sentences", disable=None, leave=False) as bar:
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            yield batch
            bar.update(len(batch))
