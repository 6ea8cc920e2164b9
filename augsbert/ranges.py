"""Checks of a part's arguments, said in one way: the argument, its value, and what it must be."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from augsbert.errors import UserError


def check_count(argument: str, value: object, least: int = 1, most: int | None = None) -> None:
    """Refuse what is not a whole number of at least ``least``, and at most ``most`` where there is one.

    Raises:
        UserError: it is not; the message names the argument, the value and the range.
    """
    good = isinstance(value, int) and _is_number(value) and least <= value <= (math.inf if most is None else most)
    above = "" if most is None else f" and at most {most}"
    _require(good, argument, value, f"a whole number of at least {least}{above}")


def check_number(argument: str, value: object, low: float, high: float) -> None:
    """Refuse what is not a number in ``low``..``high``, or a finite one where ``high`` is infinite.

    Raises:
        UserError: it is not; the message names the argument, the value and the range.
    """
    needed = f"a number in {low}..{high}" if high < math.inf else f"a finite number of at least {low}"
    _require(_is_number(value) and low <= value <= high and value < math.inf, argument, value, needed)


def check_inside(argument: str, value: object) -> None:
    """Refuse what is not a number above 0 and below 1.

    Raises:
        UserError: it is not; the message names the argument and the value.
    """
    _require(_is_number(value) and 0 < value < 1, argument, value, "a number between 0 and 1")


def check_share(argument: str, value: object) -> None:
    """Refuse what is not a number above 0 and up to 1.

    Raises:
        UserError: it is not; the message names the argument and the value.
    """
    _require(_is_number(value) and 0 < value <= 1, argument, value, "a number above 0 and up to 1")


def check_above_zero(argument: str, value: object) -> None:
    """Refuse what is not a finite number above 0.

    Raises:
        UserError: it is not; the message names the argument and the value.
    """
    _require(_is_number(value) and 0 < value < math.inf, argument, value, "a finite number above 0")


def check_choice(argument: str, value: object, choices: Sequence[object]) -> None:
    """Refuse what is not one of ``choices``.

    Raises:
        UserError: it is not; the message names the argument, the value, the choices and the nearest of them.
    """
    if value not in choices:
        names = ["null" if choice is None else str(choice) for choice in choices]
        near = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UserError(f"{argument}={value}: it must be one of {', '.join(names)}.{hint}")


def filled(argument: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """``given``, with the defaults for what it leaves out.

    Raises:
        UserError: it has a key that there is no default for; the message names those that there are.
    """
    for key, value in given.items():
        if key not in defaults:
            raise UserError(f"{argument}.{key}={value!r}: {argument} takes {', '.join(defaults)} only.")
    return {**defaults, **given}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require(good: bool, argument: str, value: object, needed: str) -> None:
    if not good:
        raise UserError(f"{argument}={value}: it must be {needed}.")
