"""The settings in which runs differ, and which of them an encoder's figures hang on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from augsbert.reporting.runs import Run

#: Settings that change no figure, or what the table is over anyway (``seed``), by how they begin.
_APART = ("hydra", "logger", "trainer", "store", "pruning", "plan", "objective", "compare", "seed")


def differing(runs: Sequence[Run]) -> list[str]:
    """The settings of the command lines in which these runs differ, in the order in which they were given."""
    given = dict.fromkeys(key for run in runs for key in run.overrides)
    keys = [key for key in given if not key.startswith(_APART)]
    return [key for key in keys if len({run.setting(key) for run in runs}) > 1]


def further_seeds(runs: Sequence[Run], keys: Sequence[str]) -> list[str]:
    """The settings that are seeds of a part or of a data set: runs that differ in them alone repeat each other.

    Where a value is no seed, as ``sampler.seed=null`` that draws nothing, it is a setting like others.
    """
    ending = [key for key in keys if key.endswith(".seed")]
    return [key for key in ending if all(run.setting(key).isdecimal() for run in runs if run.setting(key))]


def hangs_on(encoder: str, runs: Sequence[Run], keys: Sequence[str]) -> list[str]:
    """The settings that tell an encoder's evaluations apart, paths left out first: they come with their data set.

    A setting of which nothing shows that the encoder does not hang on it stays.
    """
    matter = [key for key in keys if any(_is_read(key, encoder, run) for run in runs)]
    for key in sorted(matter, key=lambda key: not key.endswith("path")):
        others = [other for other in matter if other != key]
        if _tell_apart(encoder, runs, others) and (key.endswith("path") or _is_shared(encoder, runs, key)):
            matter = others
    return matter


#: Settings -> the kind of stage that reads them.
_READ_BY = {
    **{"pool": "pool", "sampler": "candidates", "augmenter": "augmented", "cross_encoder": "labels"},
    **dict.fromkeys(("selector", "train_on", "relabel_gold", "rounds"), "silver"),
}
_FIT_OF_BI_ENCODER = re.compile(r"bi_encoder[./](?:fit|loss)(?:\.(\w+))?")
#: Settings of the bi-encoder's fit that conf/config.yaml gives the baseline, too; the poly-encoder has others of them.
_FOLLOWED = ("precision", "seed_optimization")


def _is_read(key: str, encoder: str, run: Run) -> bool:
    """Whether an encoder of the run can hang on a setting: not where what reads it stands nowhere behind it."""
    behind = run.behind(encoder)
    # A part that is mounted elsewhere, such as bi_encoder/loss@baseline.loss, is read there.
    key = key.rpartition("@")[2]
    if match := _FIT_OF_BI_ENCODER.match(key):
        fitted = encoder == "poly_encoder" or any(stage["name"].startswith("bi_encoder") for stage in behind)
        return fitted or match[1] in _FOLLOWED
    group = key.partition(".")[0]
    return group == encoder or group not in _READ_BY or any(stage["kind"] == _READ_BY[group] for stage in behind)


def _tell_apart(encoder: str, runs: Sequence[Run], keys: Sequence[str]) -> bool:
    """Whether runs of one seed that agree in these settings share the encoder's evaluation."""
    found: dict[tuple[str, ...], str] = {}
    evaluations = [((run.seed, *map(run.setting, keys)), run.encoders[encoder]) for run in runs]
    return all(found.setdefault(settings, evaluation) == evaluation for settings, evaluation in evaluations)


def _is_shared(encoder: str, runs: Sequence[Run], key: str) -> bool:
    """Whether runs that differ in this setting share the encoder's evaluation."""
    values: dict[str, set[str]] = {}
    for run in runs:
        values.setdefault(run.encoders[encoder], set()).add(run.setting(key))
    return any(len(found) > 1 for found in values.values())
