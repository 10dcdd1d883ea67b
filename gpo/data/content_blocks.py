"""The content of a message as rows have it, in the forms of OpenAI, Anthropic, Google and LangChain: text and media."""

import base64
import binascii
import hashlib
import mimetypes
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gpo.errors import DatasetError
from gpo.files import read_regular, real_path
from gpo.formatting import shorten_value
from gpo.messages.message import Block

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,(?P<data>.*)", re.DOTALL)
_ADDRESS = re.compile(r"(https?|gs|s3)://", re.IGNORECASE)
_TEXTS = frozenset({"text", "input_text", "output_text"})
_KINDS = {
    "image": "image", "image_url": "image", "input_image": "image", "file": "file", "input_file": "file",
    "document": "file", "audio": "audio", "input_audio": "audio", "video": "video",
}  # fmt: skip
_MEDIA_TYPES = {"image": "image/png", "file": "application/pdf", "audio": "audio/wav", "video": "video/mp4"}
"""What a medium is taken for that does not say its type."""
_IMAGE_NAME = re.compile(r"(https?://)?[^\n?#]{1,300}\.(png|jpe?g|gif|webp|bmp)([?#]\S*)?", re.IGNORECASE)
_MARKS = {
    b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp",
}  # fmt: skip
_SHOWN = 12


class MessageContent(NamedTuple):
    """What a message holds: the text that a reader sees, and its blocks where there is more than text."""

    text: str
    blocks: tuple[Block, ...] = ()


def read_content(value: object, field: str, folder: Path | None) -> MessageContent:
    """A text, or a list of blocks; files are looked for in `folder`.

    Raises:
        DatasetError: it is neither, or a file is not there.
    """
    if value is None:
        return MessageContent("")
    if isinstance(value, str):
        return MessageContent(str(value))
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list):
        raise _no_content(value, field)
    blocks = tuple(_block(item, field, folder) for item in items)
    text = "\n".join(_shown(block) for block in blocks)
    return MessageContent(text) if all(block["type"] == "text" for block in blocks) else MessageContent(text, blocks)


def is_content(value: object) -> bool:
    """Whether a value is a list of blocks, such as a text beside an image."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(item, Mapping) and (item.get("type") in _TEXTS or item.get("type") in _KINDS) for item in value
        )
    )


def is_image(value: object) -> bool:
    """Whether a value by itself is an image: its bytes, an object that holds them, a data URL, an address or a path.

    >>> is_image("photos/cat 1.JPG"), is_image("https://example.org/a.png?size=2"), is_image("See a.png for that.")
    (True, True, False)
    """
    if isinstance(value, Mapping):
        return isinstance(value.get("bytes"), bytes) or (value.keys() == {"bytes", "path"} and is_image(value["path"]))
    if isinstance(value, bytes):
        return _image_type(value) is not None
    return isinstance(value, str) and (value.startswith("data:image/") or bool(_IMAGE_NAME.fullmatch(value.strip())))


def read_image(value: object, field: str, folder: Path | None) -> MessageContent:
    """A value that is an image, as one block.

    Raises:
        DatasetError: its file is not there, or its bytes are no image that is known.
    """
    found = value["bytes"] or value["path"] if isinstance(value, Mapping) else value
    if isinstance(found, bytes):
        told = {"base64": base64.b64encode(found).decode(), "mime_type": _image_type(found)}
        if told["mime_type"] is None:
            raise DatasetError(f"field `{field}`: its bytes are no PNG, JPEG, GIF, WebP or BMP")
    else:
        told = {"image_url": str(found).strip()}
    return read_content([{"type": "image", **told}], field, folder)


def _image_type(content: bytes) -> str | None:
    """By the first bytes."""
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return "image/webp" if is_webp else next((kind for mark, kind in _MARKS.items() if content.startswith(mark)), None)


def _block(item: object, field: str, folder: Path | None) -> Block:
    if isinstance(item, str):
        return {"type": "text", "text": str(item)}
    if not isinstance(item, Mapping):
        raise _no_content(item, field)
    kind = item.get("type")
    if (kind in _TEXTS or kind is None) and isinstance(item.get("text"), str):
        return {"type": "text", "text": str(item["text"])}
    if kind not in _KINDS:
        raise _no_content(item, field)
    return _medium(_KINDS[str(kind)], _told(item, str(kind)), field, folder)


def _told(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """What a block says of its medium, by one set of names whoever's form it is."""
    inner: Mapping[str, Any] = next(
        (item[name] for name in (kind, "source", "file") if isinstance(item.get(name), Mapping)), {}
    )
    told = {**item, **inner}
    url = next(
        (told[name] for name in (kind, "image_url", "url", "file_data", "file_url") if isinstance(told.get(name), str)),
        None,
    )
    return {
        "url": url,
        "data": told.get("base64") or told.get("data"),
        "path": told.get("path"),
        "id": told.get("file_id"),
        "type": told.get("mime_type") or told.get("media_type") or _type_of_format(kind, told.get("format")),
        "name": told.get("filename") or told.get("title"),
    }


def _type_of_format(kind: str, form: object) -> str | None:
    return f"{_KINDS[kind]}/{form}" if isinstance(form, str) else None


def _medium(kind: str, told: Mapping[str, Any], field: str, folder: Path | None) -> Block:
    named = {"filename": str(told["name"])} if told["name"] else {}
    url = told["url"] or ""
    if told["id"]:
        return {"type": kind, "file_id": str(told["id"])}
    if match := _DATA_URL.fullmatch(url):
        told = {**told, "data": match["data"], "type": match["type"] or told["type"]}
    if told["data"]:
        media_type = told["type"] or _MEDIA_TYPES[kind]
        return {"type": kind, "base64": _checked(told["data"], field), "mime_type": media_type, **named}
    if _ADDRESS.match(url):
        return {"type": kind, "url": url, **({"mime_type": told["type"]} if told["type"] else {}), **named}
    if path := told["path"] or url:
        return {"type": kind, **_file(str(path), kind, field, folder), **named}
    raise DatasetError(f"field `{field}`: the {kind} has no url, base64 data or path")


def _checked(data: object, field: str) -> str:
    text = str(data)
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DatasetError(f"field `{field}`: {shorten_value(text)} is not base64") from None
    return text


def _file(name: str, kind: str, field: str, folder: Path | None) -> dict[str, str]:
    """A file beside the data. What lies elsewhere is no part of the data, and must not be sent to a model."""
    if folder is None:
        raise DatasetError(
            f"field `{field}`: the {kind} is the file {shorten_value(name)}, and rows without a folder hold no files: "
            "give its URL, or its content as base64"
        )
    path = real_path(folder / name)
    if not path.is_relative_to(real_path(folder)):
        raise DatasetError(f"field `{field}`: {shorten_value(name)} is not in {folder}, the folder of the data")
    try:
        content = read_regular(path)
    except OSError as error:
        why = error.strerror or error
        raise DatasetError(f"field `{field}`: {shorten_value(name)} cannot be read in {folder}: {why}") from None
    given = mimetypes.guess_type(path.name)[0] or _MEDIA_TYPES[kind]
    found = {"path": str(path), "sha256": hashlib.sha256(content).hexdigest(), "mime_type": given}
    return {**found, "filename": path.name} if kind == "file" else found


def _shown(block: Block) -> str:
    if block["type"] == "text":
        return str(block["text"])
    named = (block.get(name) for name in ("filename", "url", "file_id", "path"))
    name = next((str(each).rpartition("/")[2] or str(each) for each in named if each), "")
    return f"[{block['type']}: {name or _digest(str(block.get('base64')))}]"


def _digest(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()[:_SHOWN]


def _no_content(value: object, field: str) -> DatasetError:
    kinds: Sequence[str] = ["text", *dict.fromkeys(_KINDS.values())]
    return DatasetError(
        f"field `{field}`: the content of a message must be text or a list of blocks of the types {', '.join(kinds)}, "
        f"received {shorten_value(value)}"
    )
