"""A store of stages: each result in a folder named by what it was made from, made once, found again.

Read ``key.py`` for what a name is made of, ``stage.py`` for how a stage is found or made, ``plan.py`` for what a run
would make. Nothing here knows sentences, models or Hydra. Learnt from tango's ``Step`` (version, skip list) and exca
(a readable key and its settings beside the result); both bring a framework of their own, and neither keeps a scratch
folder that survives a kill.
"""

from augsbert.store.key import UNKEYED, stage_key
from augsbert.store.plan import PLAN, Planned, from_json, plan, render, to_json
from augsbert.store.stage import NotFetched, Record, Stage, Store

__all__ = [
    "PLAN",
    "UNKEYED",
    "NotFetched",
    "Planned",
    "Record",
    "Stage",
    "Store",
    "from_json",
    "plan",
    "render",
    "stage_key",
    "to_json",
]
