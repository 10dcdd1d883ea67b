"""In which order `gpo --help` lists the commands: panel by panel, as one learns them."""

from typing import Any

from typer.core import TyperGroup

IMPROVE = "Improve a prompt"
PRODUCTION = "Production"
DATA = "Data"
STACK = "The local stack"
INSPECT = "Look inside"

PANELS = (IMPROVE, PRODUCTION, DATA, STACK, INSPECT)

FIRST = ("demo", "spec", "optimize", "evaluate", "prompt", "reoptimize", "decisions", "approve", "reject", "doctor")
"""What to learn first, panel by panel. Commands that are not named here follow, in the order of their files."""


class OrderedCommands(TyperGroup):
    """The commands of `gpo`, panel by panel; those of an unknown panel come last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, as `gpo --help` shows them."""
        return sorted(super().list_commands(ctx), key=self._place)

    def _place(self, name: str) -> tuple[int, int]:
        panel = getattr(self.commands[name], "rich_help_panel", None)
        return _index(PANELS, panel), _index(FIRST, name)


def _index(names: tuple[str, ...], name: object) -> int:
    return names.index(name) if isinstance(name, str) and name in names else len(names)
