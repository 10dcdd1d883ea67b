"""The part of a display that a terminal shows while work goes on, and that is gone when it ends."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from gpo import formatting


class LiveDisplay(ABC):
    """Shows `_panel` four times a second from entry to exit on a terminal, and nothing elsewhere."""

    console: Console
    _live: Live | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(get_renderable=self._panel, console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, text: str) -> None:
        """One line above what is shown."""
        self.console.print(Text(formatting.printable(text), style="yellow"), soft_wrap=True)

    @abstractmethod
    def _panel(self) -> RenderableType:
        """What is shown now."""
