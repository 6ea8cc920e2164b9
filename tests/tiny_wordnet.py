"""A tiny WordNet, in the files that WordNet's own are, for tests."""

from __future__ import annotations

from pathlib import Path

from augsbert.augmenters.wordnet_files import PARTS

#: Part of speech -> synsets, the commonest sense of each word first.
SYNSETS = {
    "noun": [
        *(["car", "auto", "motor_car"], ["child", "kid"], ["play", "drama"], ["owner"], ["police", "police_force"]),
        *(["hound", "Canis_familiaris", "cur"], ["Reb", "Johnny"], ["reb", "mutineer"], ["hour", "hr", "h.", "sixty"]),
        *(["Norway", "Noreg"], ["monday", "mon"], ["bread", "Staff_of_Life"], ["dozen", "12", "twelve"]),
    ],
    "verb": [
        *(["buy", "purchase"], ["play", "toy_with"], ["take", "fetch"], ["run", "race"], ["sit", "sit_down", "perch"]),
        *(["put", "place", "set"], ["exist", "be", "live"]),
    ],
    "adj": [["big", "large"], ["happy", "glad(p)", "well-chosen"]],
    "adv": [["quickly", "apace"]],
}
#: Synsets that stand for one thing, by their first word.
UNIQUE = ["Norway"]
EXCEPTIONS = {"noun": "children child\n", "verb": "bought buy\ntook take\ntaken take\nran run\nrunning run\n"}
COUNTS = "play%2:00:00:: 1 30\nplay%1:00:00:: 1 9\n"


def write_wordnet(folder: Path) -> None:
    """All files of a WordNet with SYNSETS, written as WordNet writes them."""
    for part in PARTS:
        offsets: dict[str, list[int]] = {}
        data = "  1 the licence\n"
        for words in SYNSETS[part]:
            for word in words:
                offsets.setdefault(word.partition("(")[0].lower(), []).append(len(data))
            listed = " ".join(f"{word} 0" for word in words)
            pointers = "001 @i 00000000 n 0000" if words[0] in UNIQUE else "000"
            data += f"{len(data):08d} 00 {part[0]} {len(words):02x} {listed} {pointers} | a gloss\n"
        index = "  1 the licence\n" + "".join(
            f"{word} {part[0]} {len(o)} 0 {len(o)} 0 {' '.join(f'{x:08d}' for x in o)}  \n"
            for word, o in offsets.items()
        )
        (folder / f"data.{part}").write_text(data)
        (folder / f"index.{part}").write_text(index)
        (folder / f"{part}.exc").write_text(EXCEPTIONS.get(part, ""))
    (folder / "cntlist.rev").write_text(COUNTS)
