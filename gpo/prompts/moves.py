"""Moves of an alias inside a transaction that is open: a promotion, a rollback, and what a program takes along.

A version of a program names the versions of its prompts. Whoever moves an alias of the program moves that alias of each
of its prompts in the same transaction, so that no reader sees the prompts of two versions together.
"""

from sqlalchemy import Connection, select

from gpo.database.engine import database_label, utc_now
from gpo.database.tables import prompt_aliases, prompt_moves, prompt_versions, prompts
from gpo.errors import AliasMovedError, PromptError
from gpo.names import check_alias, check_prompt_text
from gpo.prompts.missing import missing_prompt, missing_reference, missing_version
from gpo.prompts.rows import aliases_of, highest_number, keep_move, names_of, read_move, read_version
from gpo.prompts.version import Move

NO_VERSION = 0
"""As `expected`: the alias points nowhere yet."""


def promote_version(
    connection: Connection, name: str, version: int, alias: str, *, who: str, why: str, expected: int | None
) -> Move:
    """Point an alias to a version, with those of its prompts if it is a program's; see `Registry.promote`.

    Raises:
        PromptError: there is no such prompt or version, or it is moved with a program.
        AliasMovedError: the alias points elsewhere than `expected`.
    """
    check_alias(alias)
    hold_prompt(connection, name)
    check_version(connection, name, version)
    last = _last_move(connection, name, alias, expected)
    _check_own(last)
    if last is not None and last.to_version == version:
        return last
    move = _promotion(connection, name, version, alias, last, who=who, why=why)
    _move_parts(connection, move)
    return move


def roll_back(connection: Connection, name: str, alias: str, *, who: str, why: str, expected: int | None) -> Move:
    """Point an alias back to the version that the standing promotion replaced; see `Registry.rollback`.

    Raises:
        PromptError: there is no such prompt or alias, nothing to go back to, or it is moved with a program.
        AliasMovedError: the alias points elsewhere than `expected`.
    """
    hold_prompt(connection, name)
    last = _last_move(connection, name, alias, expected)
    if last is None:
        raise missing_reference(name, alias, aliases_of(connection, name))
    _check_own(last)
    if last.below is None:
        raise PromptError(
            f"prompt {name}: `{alias}` points to version {last.to_version} and there is none before it to go "
            "back to; promote another version instead"
        )
    back = read_move(connection, name, last.below)
    move = keep_move(
        connection,
        Move(
            name=name,
            number=highest_number(connection, prompt_moves.c.number, name) + 1,
            alias=alias,
            action="rollback",
            from_version=last.to_version,
            to_version=back.to_version,
            standing=back.number,
            below=back.below,
            who=check_prompt_text("who", who, needed=True),
            why=check_prompt_text("why", why),
            at=utc_now(),
        ),
    )
    _move_parts(connection, move)
    return move


def hold_prompt(connection: Connection, name: str) -> None:
    """Let no one else write to the prompt until the end of the transaction. SQLite holds its writers up anyway."""
    query = select(prompts.c.name).where(prompts.c.name == name).with_for_update()
    if connection.execute(query).one_or_none() is None:
        check_known(connection, name)


def check_known(connection: Connection, name: str) -> None:
    """Raise PromptError where there is no such prompt."""
    known = names_of(connection)
    if name not in known:
        raise missing_prompt(name, known, database_label(connection.engine.url))


def check_version(connection: Connection, name: str, version: int) -> None:
    """Raise PromptError where there is no such version."""
    there = highest_number(connection, prompt_versions.c.version, name)
    if not 1 <= version <= there:
        raise missing_version(name, version, there)


def _promotion(
    connection: Connection,
    name: str,
    version: int,
    alias: str,
    last: Move | None,
    *,
    who: str,
    why: str,
    program: str | None = None,
) -> Move:
    number = highest_number(connection, prompt_moves.c.number, name) + 1
    return keep_move(
        connection,
        Move(
            name=name,
            number=number,
            alias=alias,
            action="promote",
            from_version=None if last is None else last.to_version,
            to_version=version,
            standing=number,
            below=None if last is None else last.standing,
            who=check_prompt_text("who", who, needed=True),
            why=check_prompt_text("why", why),
            at=utc_now(),
            program=program,
        ),
    )


def _move_parts(connection: Connection, move: Move) -> None:
    """Point the alias of each prompt of a program where the version says that it was moved to."""
    content = read_version(connection, move.name, move.to_version).content
    # In one order for all, so that two programs that share a prompt cannot wait for each other.
    for name, version in sorted(content.parts.items()):
        hold_prompt(connection, name)
        last = _last_move(connection, name, move.alias, None)
        if last is not None and last.program not in (None, move.name):
            raise PromptError(
                f"prompt {move.name}: its prompt {name} is moved with the program {last.program} already; a prompt can "
                "be part of one program: register it under another name"
            )
        if last is None or last.program is None or last.to_version != version:
            why = f"{move.action} of {move.name} to version {move.to_version}"
            _promotion(connection, name, version, move.alias, last, who=move.who, why=why, program=move.name)


def _check_own(last: Move | None) -> None:
    """A prompt that is moved with a program is not moved alone: the program would be of two versions."""
    if last is not None and last.program is not None:
        raise PromptError(
            f"prompt {last.name}: `{last.alias}` is moved together with the other prompts of the program "
            f"{last.program}; promote or roll back {last.program}"
        )


def _last_move(connection: Connection, name: str, alias: str, expected: int | None) -> Move | None:
    query = select(prompt_aliases.c.move).where(prompt_aliases.c.name == name, prompt_aliases.c.alias == alias)
    number = connection.execute(query).scalar_one_or_none()
    last = None if number is None else read_move(connection, name, number)
    version = NO_VERSION if last is None else last.to_version
    if expected is not None and version != expected:
        now = f"points to version {version} since {last.at}, moved by {last.who}" if last else "points nowhere"
        wanted = f"to version {expected}" if expected else "nowhere"
        raise AliasMovedError(f"prompt {name}: `{alias}` was expected to point {wanted} but {now}; look at its history")
    return last
