"""The command references of the documents are the commands: names, arguments, options, codes."""

from __future__ import annotations

import pytest

from sourdough_cli.exits import ExitCode
from sourdough_cli.main import COMMANDS, load_command
from tests.unit.docs import markdown


def parameters(name: str, kind: str) -> list[str]:
    """Return the options (longest spelling first) or the arguments of a command, as written."""
    found = [each for each in load_command(name).params if each.param_type_name == kind]
    if kind == "argument":
        return [argument_name(each) for each in found]
    return [", ".join(sorted(each.opts, key=len, reverse=True)) for each in found]


def argument_name(argument) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def test_the_readme_lists_the_commands():
    """Each command with its arguments, its options and its sentence."""
    expected = [
        (
            f"`{' '.join([name, *parameters(name, 'argument')])}`",
            ", ".join(f"`{each.partition(',')[0]}`" for each in parameters(name, "option")),
            sentence,
        )
        for name, sentence in COMMANDS.items()
    ]
    shown = markdown.table(markdown.ROOT / "README.md", "command", "options", "what it does")
    assert shown == expected, f"the table should be:\n{markdown.written(expected)}"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_explains_every_option(name):
    """docs/cli.md has a table for each command; its last column is the command's own help."""
    options = [each for each in load_command(name).params if each.param_type_name == "option"]
    expected = [
        (", ".join(f"`{each}`" for each in sorted(option.opts, key=len, reverse=True)), option.help)
        for option in options
    ]
    header = f"`sourdough {name}`"
    if not expected:
        assert f"### {header}" in (markdown.ROOT / "docs" / "cli.md").read_text()
        return
    shown = markdown.table(markdown.ROOT / "docs" / "cli.md", header, "what it does")
    assert shown == expected, f"the table should be:\n{markdown.written(expected)}"


def test_the_exit_codes_are_these():
    """Every code that the command can end with, and no other."""
    shown = markdown.table(markdown.ROOT / "docs" / "cli.md", "code", "meaning")
    assert [int(code) for code, _ in shown] == [int(code) for code in ExitCode]
