"""Make the `sample` data set: English sentence pairs whose scores are computed, not given by people.

A scene (who does what to whom, where, when, how many, why, or does not) is drawn, altered in one or two places and
worded by chance: synonyms, active or passive, the event told from the other side, an opposite for a denial, asides that
say nothing. The score of a pair compares the two scenes and never sees the wording. All words are in words.yaml.

    python experiments/sample/make.py          # writes augsbert/datasets/sample_data/{train,dev,test}.tsv.gz
"""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

from omegaconf import OmegaConf
from scenes import Scene, Words, alter, draw, similarity
from wording import overlap, word

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "augsbert" / "datasets" / "sample_data"
SCENES = {"train": 840, "dev": 130, "test": 180}
Row = tuple[str, str, str]


def pairs(scenes: int, words: Words, rng: Random, seen: set[str]) -> Iterator[Row]:
    """Five pairs for each scene: four within it and its variants, one with a scene told before."""
    before: list[tuple[Scene, str]] = []
    for _ in range(scenes):
        scene = draw(words, rng)
        once, twice = alter(scene, words, rng), alter(scene, words, rng)
        told = tell([scene, scene, once, twice, alter(once, words, rng)], words, rng, seen)
        related = [each for each in before if each[0].topic == scene.topic]
        elsewhere = rng.choice((rng.random() < 0.6 and related) or before or [told[1]])
        chosen = [(told[0], told[1]), (told[0], told[2]), (told[3], told[1]), (told[2], told[4]), (elsewhere, told[4])]
        for (a, first), (b, second) in chosen:
            yield first, second, f"{similarity(a, b):.2f}"
        before += told


def tell(scenes: list[Scene], words: Words, rng: Random, seen: set[str]) -> list[tuple[Scene, str]]:
    """Word a scene, the same scene far from that, and its variants: two times in three in the words of the first."""
    told: list[tuple[Scene, str]] = []
    voice = rng.getrandbits(32)
    for scene in scenes:
        alike = not told or (scene != scenes[0] and rng.random() < 0.67)
        texts = sorted({word(scene, words, Random(voice))} - seen) if alike else []
        while not texts:
            texts = sorted({word(scene, words, rng) for _ in range(4)} - seen)
        text = min(texts, key=lambda text: overlap(text, told[0][1])) if told else texts[0]
        seen.add(text)
        told.append((scene, text))
    return told


def write(path: Path, rows: list[Row]) -> None:
    """Tab-separated, gzipped without a time, so that equal rows give equal bytes."""
    text = "".join("\t".join(row) + "\n" for row in [("sentence1", "sentence2", "score"), *rows])
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream:
        stream.write(text.encode("utf8"))
    path.write_bytes(buffer.getvalue())


def main(folder: Path = DATA) -> None:
    """Write the three splits; they share no sentence and no scene's wording."""
    words = cast(Words, OmegaConf.to_container(OmegaConf.load(HERE / "words.yaml")))
    folder.mkdir(parents=True, exist_ok=True)
    rng, seen = Random(2010.08240), set[str]()
    for split, scenes in SCENES.items():
        rows = list(pairs(scenes, words, rng, seen))
        rng.shuffle(rows)
        write(folder / f"{split}.tsv.gz", rows)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
