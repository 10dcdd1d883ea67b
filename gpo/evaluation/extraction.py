"""How the task model is asked so that its answer can be read: the label grammar, and the extraction prompt.

With `answer.extract` there are two calls: the first is answered freely, the second asks for the answer alone (Kojima
et al., arXiv 2205.11916, section 3, has it for zero-shot chains of thought).
"""

import json
from collections.abc import Sequence

from gpo.messages.message import Message
from gpo.models.chat import ChatModel, Sampling
from gpo.scoring.spec import AnswerSpec, ExtractSpec
from gpo.template import with_answer


def task_sampling(answer: AnswerSpec, *, follows_grammar: bool) -> Sampling:
    """How the task model is asked at first: held to the labels where the answer is a choice and the server can do so.

    An answer that is extracted by a second call is free.
    """
    return Sampling() if answer.extract else _label_sampling(answer, follows_grammar=follows_grammar) or Sampling()


def extraction_sampling(model: ChatModel, answer: AnswerSpec, extract: ExtractSpec) -> Sampling:
    """How the second call is asked: under the label grammar, or for a short text."""
    held = _label_sampling(answer, follows_grammar=model.follows_grammar)
    return held or Sampling(max_tokens=extract.max_tokens if model.spec.takes_max_tokens else None)


def _label_sampling(answer: AnswerSpec, *, follows_grammar: bool) -> Sampling | None:
    if answer.kind != "choice" or not follows_grammar:
        return None
    options = " | ".join(json.dumps(label, ensure_ascii=False) for label in answer.labels)
    # One token tells labels apart that differ in their first letter; what follows it would only cost time.
    first = {label[0] for label in answer.labels}
    tells = len(first) == len(answer.labels) and all(letter.isascii() for letter in first)
    longest = max(len(label.encode()) for label in answer.labels)
    return Sampling(max_tokens=1 if tells else max(8, longest), grammar=f"root ::= {options}")


def extraction_messages(
    asked: Sequence[Message], text: str, extract: ExtractSpec, *, continues: bool
) -> tuple[Message, ...]:
    r"""The conversation so far, the model's answer, and the extraction prompt.

    The prompt is a user's message, or, where the model continues what it is given, the next line of its own answer.

    >>> asked = [Message(role="user", text="2 + 2?")]
    >>> extract = ExtractSpec(prompt="Therefore, the answer is")
    >>> [message.text for message in extraction_messages(asked, "Two and two.", extract, continues=False)]
    ['2 + 2?', 'Two and two.', 'Therefore, the answer is']
    >>> extraction_messages(asked, "Two and two.", extract, continues=True)[-1].text
    'Two and two.\nTherefore, the answer is'
    """
    if not continues:
        # Chat models refuse a message without text, which a model that only thought leaves behind.
        so_far = with_answer(asked, text) if text.strip() else tuple(asked)
        return (*so_far, Message(role="user", text=extract.prompt))
    *earlier, last = with_answer(asked, text.rstrip())
    return (*earlier, Message(role="assistant", text=f"{last.text}\n{extract.prompt}"))


def completed(text: str, answer: AnswerSpec) -> str:
    """An answer that we cut after its first token, as the only label that begins so; any other text as it is.

    Only for answers under the label grammar: of a free text, "No" is not the beginning of "Norway".

    >>> completed("pos", AnswerSpec(kind="choice", labels=("positive", "negative")))
    'positive'
    """
    begun = [label for label in answer.labels if text and label.startswith(text)]
    return begun[0] if len(begun) == 1 else text
