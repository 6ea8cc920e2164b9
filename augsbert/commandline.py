"""What the command line can get wrong before there is a config, with the nearest name; and what ``--help`` lists.

A misspelt key or group is Hydra's to catch (struct mode), at once and without torch.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from augsbert.config import nearest
from augsbert.errors import UserError

_HERE = Path(__file__).parent
#: The configs: inside the package where it was installed from a wheel, beside it in a checkout.
CONF = next(folder for folder in (_HERE / "conf", _HERE.parent / "conf") if (folder / "config.yaml").is_file())


def folders(conf: Path) -> list[Path]:
    """Where configs are looked for: ours, and the one that ``--config-dir`` names."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", type=Path)
    own = parser.parse_known_args(sys.argv[1:])[0].config_dir
    return [conf, *([own] if own else [])]


def refuse_null_parts(arguments: Sequence[str], conf: Path) -> None:
    """Say how a part is left out; Hydra takes null in a file only, and no part at all for an empty list.

    Raises:
        UserError: an argument such as ``sampler=null`` or ``sampler=[]``.
    """
    for argument in arguments:
        match = re.fullmatch(r"(([\w/]+)(?:@[\w.]+)?)=(?:.*[,(])?\s*(null|\[\s*\])\s*(?:[,)].*)?", argument)
        if match and (conf / match[2]).is_dir():
            raise UserError(f"{argument}: {match[3]} is no part. To leave the part out: '~{match[1]}'")


def refuse_unknown(config: DictConfig) -> None:
    """Refuse a misspelt part of an optional group, which Hydra would leave out, and a setting that nobody reads.

    Raises:
        UserError: with the nearest name.
    """
    if said := unknown_key(config, HydraConfig.get(), typed(HydraConfig.get())):
        raise UserError(said)
    loader = GlobalHydra.instance().config_loader()
    for choice, names in HydraConfig.get().runtime.choices.items():
        group = choice.partition("@")[0]
        known = [] if group.startswith("hydra/") else loader.get_group_options(group)
        for name in [names] if isinstance(names, str) else names or []:
            if not group.startswith("hydra/") and name not in known:
                raise UserError(f"{choice}={name}: there is no such part{nearest(name, known)}")


def unknown_value(overrides: Sequence[str]) -> str | None:
    """A part that a job of a sweep would ask for and that is not there, with the nearest name; None if all are."""
    loader = GlobalHydra.instance().config_loader()
    for override in _parsed(overrides):
        known = loader.get_group_options(override.key_or_group)
        for name in values_of(override) if known else []:
            if name not in known and name != "null" and not name.startswith(("[", "$")):
                return f"{override.get_key_element()}={name}: there is no such part{nearest(name, known)}"
    return None


def unknown_key(config: DictConfig, hydra: DictConfig | HydraConf, overrides: Sequence[str]) -> str | None:
    """A setting at the top that nobody reads, with the nearest name; None if there is none.

    Hydra lets files and ``+`` add any. One that another setting refers to, such as ``${mine}``, is the user's own.

    Args:
        config: as composed.
        hydra: Hydra's settings, which may refer to one too.
        overrides: of the command line; those of a sweep's jobs are not in the config.
    """
    loader, written = GlobalHydra.instance().config_loader(), (CONF / "config.yaml").read_text()
    places = re.findall(r"^  - (?:optional )?(?:[\w/]+@)?(\w+):", written, re.MULTILINE)  # of parts
    known = {*OmegaConf.create(written), *places} - {"defaults"}
    keys = [override.key_or_group for override in _parsed(overrides)]
    groups = {*map(str, hydra.runtime.choices), *(key for key in keys if loader.get_group_options(key))}
    names = dict.fromkeys([*map(str, config), *(key.partition(".")[0] for key in keys)])
    unknown = [name for name in names if name not in known | groups]
    text = OmegaConf.to_yaml(config) + OmegaConf.to_yaml(hydra) if unknown else ""
    for name in unknown:
        if not re.search(rf"\$\{{{re.escape(name)}\b", text):
            return f"{name}: there is no such setting{nearest(name, known - {'hydra'})}"
    return None


def typed(hydra: DictConfig | HydraConf) -> list[str]:
    """A command line's overrides, as they were typed: what ``${...}`` in one stands for need not be in the config."""
    overrides: Any = OmegaConf.to_container(hydra.overrides.task)
    return overrides


def given(key: str, overrides: Sequence[str]) -> list[str]:
    """The values that a command line gives a setting: those of all jobs, where it is swept."""
    return [value for override in _parsed(overrides) if override.key_or_group == key for value in values_of(override)]


def sweeps_parts(overrides: Sequence[str]) -> bool:
    """Whether a sweep's jobs differ in their parts."""
    loader = GlobalHydra.instance().config_loader()
    swept = [override.key_or_group for override in _parsed(overrides) if override.is_sweep_override()]
    return any(loader.get_group_options(key) for key in swept)


def _parsed(overrides: Sequence[str]) -> list[Override]:
    return OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(list(overrides))


def values_of(override: Override) -> list[str]:
    """What an override gives as text, of a sweep each value; nothing of a deletion or a range of numbers."""
    if override.is_delete():
        return []
    if override.is_discrete_sweep():
        return list(override.sweep_string_iterator())
    return [] if override.is_sweep_override() else [override.get_value_element_as_str()]


def explain(error: Exception, conf: Path) -> str:
    """What Hydra said of the command line, with the nearest name added where a key, a group or a part is misspelt."""
    message = str(error)
    if match := re.search(r"Could not override '([\w.@/]+)'", message):
        return _misspelt(match[1], conf)
    if match := re.search(r"Could not find '([\w/@-]+)/([\w-]*)'", message):
        options = [path.stem for path in _files(match[1], conf)]
        return f"{match[1]}={match[2]}: there is no such part{nearest(match[2], options)}"
    return "\n  ".join(line.strip() for line in message.splitlines())


def _misspelt(key: str, conf: Path) -> str:
    """Of a dotted key, the first name that does not exist, and the nearest of those that do in its place."""
    if said := _missed_by_some(key, conf):
        return said
    node, names = _composed(key, conf), key.split(".")
    choices = [str(choice) for choice in node.hydra.runtime.choices]
    known = ["/".join(path.relative_to(conf).parts) for path in conf.rglob("*") if path.is_dir()]
    path = ""
    for name in names:
        known += [str(k) for k in node if k != "hydra"] if isinstance(node, DictConfig) else []
        path = f"{path}.{name}".lstrip(".")
        if name not in known:
            break
        node, known = OmegaConf.select(node, name), []
    if mounted := [choice for choice in choices if choice.endswith(f"@{path}")]:
        return f"{path}: there is no such setting. A part is put there by {mounted[0]}=NAME"
    return f"{path}: there is no such setting{nearest(name, known)}"


def _missed_by_some(key: str, conf: Path) -> str | None:
    """Of a setting that some of a sweep's parts have, the first that has not; None where all or none have it."""
    group = key.partition(".")[0]
    swept = next((a for a in sys.argv[1:] if re.fullmatch(rf"{re.escape(group)}=\w+(,\w+)+", a)), "")
    have = {part: _has(key, f"{group}={part}", conf) for part in swept.partition("=")[2].split(",")} if swept else {}
    if len(set(have.values())) < 2:
        return None
    lacking = next(part for part in have if not have[part])
    return f"{key}: {group}={lacking} has no such setting. Sweep over the parts that have it: {_listed(have)}."


def _listed(have: Mapping[str, bool]) -> str:
    return ", ".join(part for part, has in have.items() if has)


def _has(key: str, choice: str, conf: Path) -> bool:
    """Whether the config has a setting where this part is chosen."""
    with initialize_config_dir(str(conf), version_base="1.3"):
        node: Any = OmegaConf.to_container(compose("config", overrides=[choice]), resolve=False)
    for name in key.split("."):
        if not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return True


def _composed(misspelt: str, conf: Path) -> DictConfig:
    """The config that the command line's other overrides give."""
    others = [a for a in sys.argv[1:] if re.fullmatch(r"[\w/@.]+=[^,]*", a) and not a.startswith(misspelt)]
    with initialize_config_dir(str(conf), version_base="1.3"):
        try:
            return compose("config", overrides=others, return_hydra_config=True)
        except Exception:  # another override is wrong too: the message is of this one
            return compose("config", return_hydra_config=True)


def parts_help(conf: Path) -> str:
    """Every group and its parts, with the first line of each part's file: the body of ``--help``."""
    lines = []
    for group in sorted(path for path in conf.rglob("*") if path.is_dir() and any(path.glob("*.yaml"))):
        name = str(group.relative_to(conf))
        lines += [name, *(f"  {path.stem:<28}{_first_comment(path)}".rstrip() for path in _files(name, conf)), ""]
    return "\n".join(lines)


def _files(group: str, conf: Path) -> list[Path]:
    """The files of a group's parts, by name."""
    return sorted((path for folder in folders(conf) for path in (folder / group).glob("*.yaml")), key=lambda p: p.stem)


def _first_comment(path: Path) -> str:
    lines = path.read_text().splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#") and "@package" not in line), "")
