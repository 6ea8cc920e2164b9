"""Several cross-encoders as one labeller."""

from __future__ import annotations

from augsbert.encoders.cross import CrossEncoder
from augsbert.errors import UserError


class Mean:
    """The members' scores of a pair, averaged: less noise in weak labels than one member has.

    Each is fitted, or taken as it is, by itself; a member that another run has fitted is found again. In the paper one
    cross-encoder labels (section 3.1); sentence-transformers' distillation recipes average several teachers.

    Args:
        members: cross-encoders by name, one or more.

    Raises:
        UserError: there are none.
    """

    VERSION = 1

    def __init__(self, **members: CrossEncoder) -> None:
        if not members:
            raise UserError("cross_encoder: a mean needs members. Add one: +cross_encoder@cross_encoder.first=cross")
        self.members = members
