"""Events of a run, and who hears them."""

import asyncio
from contextlib import suppress

from gpo.progress import Answered, Event, Note, emit, listen


def test_nobody_has_to_listen() -> None:
    emit(Note("alone"))


def test_events_are_heard_in_order_until_the_end() -> None:
    heard: list[Event] = []
    with listen(heard.append):
        emit(Note("one"))
        emit(Answered(paid=True))
    emit(Note("too late"))
    assert heard == [Note("one"), Answered(paid=True, count=1)]


def test_the_inner_listener_hears_alone_and_the_outer_one_is_back_after_an_error() -> None:
    outer: list[Event] = []
    inner: list[Event] = []
    with listen(outer.append):
        with suppress(ZeroDivisionError), listen(inner.append):
            emit(Note("inner"))
            raise ZeroDivisionError
        emit(Note("outer"))
    assert (outer, inner) == ([Note("outer")], [Note("inner")])


def test_tasks_and_threads_started_inside_are_heard_and_other_tasks_are_not() -> None:
    heard: list[Event] = []

    async def say(text: str) -> None:
        emit(Note(text))

    async def run() -> None:
        outside = asyncio.create_task(say("outside"))
        with listen(heard.append):
            await asyncio.gather(say("task"), outside)
            await asyncio.to_thread(emit, Note("thread"))

    asyncio.run(run())
    assert heard == [Note("task"), Note("thread")]
