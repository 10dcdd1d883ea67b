"""What every publisher does, how one is opened by name, and what publishers share."""

import importlib.metadata
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NamedTuple, Protocol

from gpo.errors import GpoError, ModelConfigError, PromptError, PublishError, suggestion
from gpo.messages.message import Role
from gpo.prompts.publishers import GROUP, PUBLISHERS
from gpo.prompts.version import AskedWith, Piece, PromptVersion
from gpo.records import Record, canonical_json
from gpo.template import variables_in

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


class Published(Record):
    """Where a version is now, as its address or name there, and whether it was sent just now."""

    where: str
    is_new: bool


class PublishedMessage(NamedTuple):
    """A message for another registry; with the role `placeholder`, the name of the variable that holds messages."""

    role: Role
    text: str


class Publisher(Protocol):
    """Sends versions to one other registry. Addresses and keys are that registry's own settings."""

    def publish(self, version: PromptVersion, aliases: Sequence[str]) -> Published:
        """Send a version, unless it is there, and point `aliases` to it.

        Raises:
            PromptError: the other registry cannot hold this prompt.
            PublishError: it could not be reached, or did not take it.
        """


def open_publisher(name: str) -> Publisher:
    """The publisher of a name.

    Raises:
        PromptError: there is none of that name.
        ModelConfigError: its package is not installed.
    """
    plugins = {each.name: each for each in importlib.metadata.entry_points(group=GROUP)}
    if name in plugins:
        publisher: Publisher = plugins[name].load()()
        return publisher
    if name not in PUBLISHERS:
        raise PromptError(f"no publisher '{name}'{suggestion(name, [*PUBLISHERS, *plugins])}")
    module, _, attribute = PUBLISHERS[name].partition(":")
    try:
        ours: Publisher = getattr(import_module(module), attribute)()
    except ImportError as error:
        raise ModelConfigError(
            f"publisher {name}: its package is not installed ({error}); pip install 'gpo-pipeline[{name}]'"
        ) from None
    return ours


@contextmanager
def publish_errors(name: str) -> Iterator[None]:
    """Turn whatever a client raises into PublishError, without passwords."""
    try:
        yield
    except GpoError:
        raise
    except Exception as error:  # noqa: BLE001 - each client has errors of its own, and some only have HTTP's
        text = _PASSWORD.sub("***@", str(error).strip().partition("\n")[0][:500])
        raise PublishError(f"{name} did not take the prompt: {type(error).__name__}: {text}") from None


def marker(version: PromptVersion) -> str:
    """The name under which a version of ours is found again in a registry that counts its own."""
    return f"gpo-v{version.version}"


def to_double_braces(version: PromptVersion) -> list[PublishedMessage]:
    """The messages with `{{variables}}`, for registries whose templates are such texts.

    Raises:
        PromptError: the prompt's own text would be taken for a variable, or a demonstration is more than text.
    """
    return [_published(version, piece) for piece in version.content.pieces()]


def _published(version: PromptVersion, piece: Piece) -> PublishedMessage:
    if piece.placeholder is not None:
        return PublishedMessage(piece.role, piece.placeholder)
    if piece.fixed is not None and not piece.fixed.is_plain:
        raise PromptError(
            f"prompt {version.name} version {version.version}: its demonstrations hold images, files or tools, which "
            "are no text there; serve it with `gpo serve-prompts`"
        )
    text = "".join(f"{{{{{part.text}}}}}" if part.is_variable else part.text for part in piece.parts)
    if variables_in(text) != [part.text for part in piece.parts if part.is_variable]:
        raise PromptError(
            f"prompt {version.name} version {version.version}: its text holds double braces that would be taken "
            "for variables there; reword it, or serve it with `gpo serve-prompts`"
        )
    return PublishedMessage(piece.role, text)


def version_facts(version: PromptVersion) -> dict[str, str]:
    """What another registry should know of a version, as short texts."""
    known = {"gpo.version": str(version.version), "gpo.digest": version.digest}
    if lineage := version.lineage:
        measured = {"dev": lineage.dev, "test": lineage.test, "gain": lineage.gain}
        known |= {
            f"gpo.{name}": f"{each.value:.4f} ({each.low:.4f} to {each.high:.4f})"
            for name, each in measured.items()
            if each
        }
        known |= {
            "gpo.metric": lineage.metric,
            "gpo.dataset": f"{lineage.dataset.name} {lineage.dataset.fingerprint}".strip(),
        }
        known |= {"gpo.run": lineage.run} if lineage.run else {}
        known |= _asked_facts(lineage.asked) if lineage.asked else {}
    return known


def _asked_facts(asked: AskedWith) -> dict[str, str]:
    return {
        "gpo.model": asked.model,
        "gpo.parameters": canonical_json(dict(asked.parameters)),
        "gpo.answer": canonical_json(dict(asked.answer)),
    }
