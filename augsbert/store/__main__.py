"""Look after a store: what lies in it, what one stage was made from, whether all is as it was written, what can go.

python -m augsbert.store ls                       every stage, by kind
python -m augsbert.store show KEY                 one of them: settings, inputs, what was made from it
python -m augsbert.store verify                   every file against the hash in its manifest
python -m augsbert.store prune                    what killed runs left (a dry run; --delete removes it)
python -m augsbert.store prune out/grid out/best  and what no run below these folders needs
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from augsbert.errors import UserError
from augsbert.store import files
from augsbert.store.inventory import (
    Entry,
    damaged,
    damaged_rows,
    empty_trash,
    entries,
    find,
    remove,
    row_files,
    unneeded,
    users,
)
from augsbert.store.keep import needed, unfinished_runs


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a user's mistake is one message and exit status 1."""
    args = _parser().parse_args(arguments)
    try:
        args.command(args)
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # the output went to head
        sys.stderr.close()
    except OSError as error:
        sys.exit(f"error: {error.filename or args.store}: {error.strerror}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "augsbert.store", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    default = Path(os.environ.get("AUGSBERT_STORE", "store"))
    parser.add_argument("--store", type=Path, default=default, help="its folder (default: AUGSBERT_STORE, else store)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    ls = commands.add_parser("ls", help="every stage, by kind")
    ls.add_argument("kind", nargs="?", help="only of this kind, such as cross_encoder")
    ls.set_defaults(command=_ls)
    show = commands.add_parser("show", help="one stage")
    show.add_argument("key", help="how its key begins")
    show.set_defaults(command=_show)
    commands.add_parser("verify", help="every file against its hash").set_defaults(command=_verify)
    prune = commands.add_parser("prune", help="what can go; not while runs read the store")
    prune.add_argument("keep", type=Path, nargs="*", help="folders of runs or sweeps whose stages stay")
    prune.add_argument("--delete", action="store_true", help="remove it, instead of listing it")
    prune.add_argument("--labels", action="store_true", help="also the labels kept by pair, which other samplers reuse")
    prune.set_defaults(command=_prune)
    return parser


def _ls(args: argparse.Namespace) -> None:
    every = entries(args.store, args.kind)
    print(f"{'kind':<15}{'key':<14}{'MiB':>8}{'seconds':>10}{'days':>7}   made as")
    for entry in every:
        print(_line(entry))
    unfinished = sum(entry.unfinished for entry in every)
    print(f"{len(every)} entries, {unfinished} of them unfinished, {_mib(every):.1f} MiB in {args.store}")


def _line(entry: Entry) -> str:
    seconds = f"{entry.manifest['seconds']:.1f}" if entry.manifest else "-"
    name = "unfinished" if entry.unfinished else entry.name if entry.manifest else "its manifest is not readable"
    return f"{entry.kind:<15}{entry.key[:12]:<14}{_mib([entry]):>8.1f}{seconds:>10}{entry.age:>7.1f}   {name}"


def _mib(every: Iterable[Entry]) -> float:
    return sum(entry.bytes for entry in every) / 2**20


def _show(args: argparse.Namespace) -> None:
    entry = find(args.store, args.key)
    if said := files.damage(entry.folder):
        raise UserError(f"{said}. A run that needs it makes it again.")
    print(f"{entry.kind} {entry.manifest['key']}\n{entry.folder}")
    print(json.dumps({k: v for k, v in entry.manifest.items() if k not in ("key", "kind")}, indent=2))
    for user in users(args.store, entry):
        print(f"read by {user.name} {user.key[:12]}")


def _verify(args: argparse.Namespace) -> None:
    every = [entry for entry in entries(args.store) if not entry.unfinished]
    rows = row_files(args.store)
    said, of_rows = list(damaged(every)), list(damaged_rows(rows))
    for line in said + of_rows:
        print(line)
    print(f"{len(every)} finished stages, {len(said)} damaged (a run that needs one makes it again)")
    if rows:
        print(f"{len(rows)} files of labels by pair, {len(of_rows)} damaged (a run drops those, and labels again)")
    sys.exit(1 if said or of_rows else 0)


def _prune(args: argparse.Namespace) -> None:
    every = unneeded(args.store, needed(args.store, args.keep) if args.keep else None)
    for run in unfinished_runs(args.keep):
        print(f"{run} has not ended: what it made so far stays only where another run needs it")
    if args.delete:
        empty_trash(args.store)
    size, busy = _mib(every), []
    for entry in every:
        line = _line(entry)
        if args.delete and not remove(args.store, entry):
            busy.append(entry)
            line += ": a run is at work on it, so it stays"
        print(line)
    if args.labels:
        print(f"labels kept by pair: {files.bytes_of(args.store / 'rows') / 2**20:.1f} MiB")
    if args.labels and args.delete and (args.store / "rows").exists():
        shutil.rmtree(args.store / "rows")
    if args.delete:
        print(f"removed {len(every) - len(busy)} entries, {size - _mib(busy):.1f} MiB")
    else:
        print(f"{len(every)} entries, {size:.1f} MiB can go; --delete removes them")


if __name__ == "__main__":
    main()
