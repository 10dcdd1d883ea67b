"""What the ledger keeps, counted by model and role, and how answers are taken out of it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, case, delete, func, select, true

from gpo.database.engine import read_transaction, write_transaction
from gpo.database.tables import calls
from gpo.errors import InputError
from gpo.models.replies import CUT_REASONS
from gpo.records import Record

_BLANK = " \t\r\n\f\v\u00a0\u200b\u200c\u200d\u2060\ufeff"


class Kept(Record):
    """The kept answers of one model in one role: how many, what they cost in tokens, and from when to when they are.

    `empty` answers have no visible text, `cut` ones ended at the token limit.
    """

    model: str
    role: str
    answers: int
    empty: int
    cut: int
    input_tokens: int
    output_tokens: int
    first: str
    last: str


class AnswerFilter(Record):
    """Which answers are meant: those that fit all that is given.

    `model` is a part of the name that the provider reports. `since` and `before` are times as the database keeps them.
    """

    model: str | None = None
    role: str | None = None
    since: str | None = None
    before: str | None = None
    empty: bool = False

    @property
    def is_all(self) -> bool:
        """Whether nothing is given, so that all answers are meant."""
        return self == AnswerFilter()


def count_kept(engine: Engine, choice: AnswerFilter | None = None) -> list[Kept]:
    """The chosen answers, by model and role.

    Raises:
        StateError: the database cannot be used.
    """
    columns = (
        calls.c.model,
        calls.c.role,
        func.count().label("answers"),
        _how_many(_is_empty()).label("empty"),
        _how_many(func.lower(calls.c.finish_reason).in_(sorted(CUT_REASONS))).label("cut"),
        func.sum(calls.c.input_tokens).label("input_tokens"),
        func.sum(calls.c.output_tokens).label("output_tokens"),
        func.min(calls.c.created_at).label("first"),
        func.max(calls.c.created_at).label("last"),
    )
    groups = (calls.c.model, calls.c.role)
    query = select(*columns).where(_chosen(choice or AnswerFilter())).group_by(*groups).order_by(*groups)
    with read_transaction(engine) as connection:
        return [Kept(**row) for row in connection.execute(query).mappings()]


class MeanCall(Record):
    """What a call of one model in one role took, on average of the kept answers; `seconds` is None where unknown."""

    model: str
    role: str
    answers: int
    input_tokens: float
    output_tokens: float
    seconds: float | None


def mean_calls(engine: Engine) -> list[MeanCall]:
    """What the kept answers took, by model and role.

    Raises:
        StateError: the database cannot be used.
    """
    means = {name: func.avg(calls.c[name]).label(name) for name in ("input_tokens", "output_tokens", "seconds")}
    groups = (calls.c.model, calls.c.role)
    query = select(*groups, func.count().label("answers"), *means.values()).group_by(*groups).order_by(*groups)
    with read_transaction(engine) as connection:
        return [MeanCall(**row) for row in connection.execute(query).mappings()]


def forget(engine: Engine, choice: AnswerFilter) -> int:
    """Take the chosen answers out of the ledger; how many they were. They are paid for anew when they are needed.

    Raises:
        StateError: the database cannot be used.
    """
    with write_transaction(engine) as connection:
        return connection.execute(delete(calls).where(_chosen(choice))).rowcount


def read_time(text: str) -> str:
    """A date or time in ISO form, of UTC where it names no zone, as the database keeps times.

    Raises:
        InputError: it is none.

    >>> read_time("2026-03-01")
    '2026-03-01T00:00:00.000+00:00'
    """
    try:
        time = datetime.fromisoformat(text)
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"'{text}' is no date; write one such as 2026-03-01 or 2026-03-01T12:30") from None
    return time.isoformat(timespec="milliseconds")


def _chosen(choice: AnswerFilter) -> ColumnElement[bool]:
    tests: list[ColumnElement[bool]] = [true()]
    if choice.model is not None:
        tests.append(func.lower(calls.c.model).contains(choice.model.lower(), autoescape=True))
    if choice.role is not None:
        tests.append(calls.c.role == choice.role)
    if choice.since is not None:
        tests.append(calls.c.created_at >= choice.since)
    if choice.before is not None:
        tests.append(calls.c.created_at < choice.before)
    if choice.empty:
        tests.append(_is_empty())
    return and_(*tests)


def _is_empty() -> ColumnElement[bool]:
    return func.trim(calls.c.text, _BLANK) == ""


def _how_many(test: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((test, 1), else_=0))
