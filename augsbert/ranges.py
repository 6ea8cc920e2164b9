"""Checks of a part's arguments, said in one way: the argument, its value, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augsbert.errors import UserError


def check_count(argument: str, value: object, least: int = 1) -> None:
    """Refuse what is not a whole number of at least ``least``.

    Raises:
        UserError: it is not; the message names the argument and the value.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserError(f"{argument}={value!r}: give a whole number of at least {least}.")


def check_number(argument: str, value: object, low: float, high: float) -> None:
    """Refuse what is not a number in ``low``..``high``.

    Raises:
        UserError: it is not; the message names the argument, the value and the range.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise UserError(f"{argument}={value!r}: give a number in {low}..{high}.")


def check_inside(argument: str, value: object) -> None:
    """Refuse what is not a number above 0 and below 1.

    Raises:
        UserError: it is not; the message names the argument and the value.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1:
        raise UserError(f"{argument}={value!r}: give a number between 0 and 1.")


def check_choice(argument: str, value: object, choices: Sequence[object]) -> None:
    """Refuse what is not one of ``choices``.

    Raises:
        UserError: it is not; the message names the argument, the value and the choices.
    """
    if value not in choices:
        allowed = ", ".join("null" if choice is None else str(choice) for choice in choices)
        raise UserError(f"{argument}={value!r}: choose one of {allowed}.")


def filled(argument: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """``given``, with the defaults for what it leaves out.

    Raises:
        UserError: it has a key that there is no default for; the message names those that there are.
    """
    for key, value in given.items():
        if key not in defaults:
            raise UserError(f"{argument}.{key}={value!r}: {argument} takes {', '.join(defaults)} only.")
    return {**defaults, **given}


def check_share(argument: str, value: object) -> None:
    """Refuse what is not a number above 0 and up to 1.

    Raises:
        UserError: it is not; the message names the argument and the value.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise UserError(f"{argument}={value!r}: give a number above 0 and up to 1.")
