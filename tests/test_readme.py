"""What README shows is what there is: its commands are read by the command line, its Python runs, its files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from core.arguments import read
from core.workbench import Workbench
from tests.worlds import colour_world

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\.venv/bin/python -m core (.+)$", README, re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_there_are_commands_to_try():
    assert {command.split()[0] for command in COMMANDS} >= {"index", "search", "hubs", "list"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_read_and_its_query_understood(command):
    args = read(shlex.split(command))
    if args.command == "search":
        from core.query.parse import parse
        from core.query.where import compile_where

        parse(args.query or "")
        assert args.where is None or compile_where(args.where, ()).sql


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    wb = colour_world(tmp_path / "images", name="holiday")
    monkeypatch.setattr(Workbench, "create", classmethod(lambda cls, name, source: cls.open(name)))
    for example in blocks("python"):
        exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own text
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and lines[0].startswith("1 ")
    assert all(hit.file in line for hit, line in zip(wb.search("a dog on the beach -night", k=5), lines))


def test_every_make_target_and_file_it_names_is_there():
    targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+)", "\n".join(re.findall(r"`[^`]+`|^make .*$", README, re.MULTILINE)))) <= set(targets)
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    named = re.findall(r"`((?:core|pages|tests|data)/[\w./-]+)`", README)
    built = ("data/collections",)
    missing = [name for name in linked + named if name not in built and not (PROJECT / name).exists()]
    assert linked and named and not missing
    for listed in blocks("sh"):
        for file in re.findall(r"-r (\S+\.txt)", listed):
            assert (PROJECT / file).is_file()
