"""Our messages as the API of OpenAI takes them: a dict each, which the clients of most providers read."""

from typing import Any

from gpo.errors import PromptError
from gpo.messages.message import Block, Message


def openai_message(message: Message) -> dict[str, Any]:
    """A message as a dict.

    >>> openai_message(Message(role="user", text="Hello"))
    {'role': 'user', 'content': 'Hello'}

    Raises:
        PromptError: it has a medium that this API takes in no message.
    """
    content: Any = list(map(_block, message.blocks)) if message.blocks else message.text
    return {"role": message.role, "content": content, **message.more}


def _block(block: Block) -> dict[str, Any]:
    kind = block.get("type")
    match kind:
        case "text":
            return dict(block)
        case "image" if "file_id" not in block:
            return {"type": "image_url", "image_url": {"url": _address(block)}}
        case "audio" if "base64" in block:
            form = str(block.get("mime_type", "")).rpartition("/")[2].removeprefix("x-")
            return {"type": "input_audio", "input_audio": {"data": block["base64"], "format": form}}
        case "file" if "file_id" in block:
            return {"type": "file", "file": {"file_id": block["file_id"]}}
        case "file":
            return {"type": "file", "file": {"filename": block.get("filename", "file"), "file_data": _address(block)}}
    raise PromptError(f"a message holds {kind} that no message of OpenAI's API can; take `gpo.load_prompt`")


def _address(block: Block) -> str:
    return str(block["url"]) if "url" in block else f"data:{block['mime_type']};base64,{block['base64']}"
