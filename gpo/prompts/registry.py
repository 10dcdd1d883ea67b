"""The prompt registry: immutable versions, aliases that point to them, and who moved what, when and why.

    registry = Registry(engine)
    registered = registry.register("review-sentiment", content, lineage=lineage)
    registry.promote("review-sentiment", registered.version.version, who="nightly", why="+0.12 on the test split")
    registry.rollback("review-sentiment", who="ada", why="complaints")

Writers of one prompt wait for each other; a reader sees an alias before a move or after it, never between. The
methods block: asynchronous code calls them through `asyncio.to_thread`.
"""

from sqlalchemy import Connection, Engine, func, insert, select

from gpo.database.engine import read_transaction, utc_now, write_transaction
from gpo.database.statements import upsert
from gpo.database.tables import prompt_moves, prompt_versions, prompts
from gpo.errors import PromptError
from gpo.names import PRODUCTION, check_prompt_name, check_prompt_text
from gpo.prompts.missing import missing_reference
from gpo.prompts.moves import check_known, check_version, hold_prompt, promote_version, roll_back
from gpo.prompts.rows import (
    MOVES,
    VERSIONS,
    aliases_of,
    highest_number,
    keep_move,
    move_from_row,
    names_of,
    select_version,
    version_from_row,
    version_row,
)
from gpo.prompts.version import (
    Lineage,
    Move,
    PromptContent,
    PromptDifference,
    PromptRecord,
    PromptVersion,
    Registered,
    version_difference,
)


class Registry:
    """The prompts of one database. Every method raises StateError when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        """Keep prompts in `engine`, which the caller opens and disposes of."""
        self._engine = engine

    def register(
        self,
        name: str,
        content: PromptContent,
        *,
        lineage: Lineage | None = None,
        parent: int | None = None,
        note: str = "",
    ) -> Registered:
        """Keep a prompt as the next version of its name; content that is there already stays the version it is.

        `parent` is the version that it was made from.

        Raises:
            PromptError: the name is malformed, or there is no version `parent`.
        """
        check_prompt_name(name)
        check_prompt_text("note", note)
        digest = content.digest
        with write_transaction(self._engine) as connection:
            row = {"name": name, "created_at": utc_now()}
            connection.execute(upsert(connection, prompts).values(row).on_conflict_do_nothing())
            hold_prompt(connection, name)
            query = VERSIONS.where(prompt_versions.c.name == name, prompt_versions.c.digest == digest)
            if (found := connection.execute(query).mappings().one_or_none()) is not None:
                return Registered(version=version_from_row(found, self._engine.url), is_new=False)
            if parent is not None:
                check_version(connection, name, parent)
            version = PromptVersion(
                name=name,
                version=highest_number(connection, prompt_versions.c.version, name) + 1,
                digest=digest,
                content=content,
                lineage=lineage,
                parent=parent,
                note=note,
                created_at=utc_now(),
            )
            connection.execute(insert(prompt_versions).values(version_row(version)))
        return Registered(version=version, is_new=True)

    def promote(
        self, name: str, version: int, alias: str = PRODUCTION, *, who: str, why: str, expected: int | None = None
    ) -> Move:
        """Point an alias to a version; returns the move. An alias that points there already is not moved again.

        With the version of a program, the alias of each of its prompts is moved to the version that it names.

        `expected` is the version that the caller believes the alias to point to, `NO_VERSION` for none.

        Raises:
            PromptError: there is no such prompt or version, or the alias is malformed.
            AliasMovedError: the alias points elsewhere than `expected`; nothing was changed.
        """
        with write_transaction(self._engine) as connection:
            return self.promote_within(connection, name, version, alias, who=who, why=why, expected=expected)

    def promote_within(
        self,
        connection: Connection,
        name: str,
        version: int,
        alias: str = PRODUCTION,
        *,
        who: str,
        why: str,
        expected: int | None = None,
    ) -> Move:
        """`promote` as part of a transaction that is open, opened by `write_transaction`.

        Raises:
            PromptError: as for `promote`.
            AliasMovedError: as for `promote`.
        """
        return promote_version(connection, name, version, alias, who=who, why=why, expected=expected)

    def rollback(self, name: str, alias: str = PRODUCTION, *, who: str, why: str, expected: int | None = None) -> Move:
        """Point an alias back to the version that the standing promotion replaced; returns the move.

        Repeated rollbacks walk further back, and a promotion after one is taken back to where that one led: what was
        once rolled back never returns by a rollback. The prompts of a program go back with it.

        Raises:
            PromptError: there is no such prompt or alias, or nothing before the standing promotion.
            AliasMovedError: the alias points elsewhere than `expected`; nothing was changed.
        """
        with write_transaction(self._engine) as connection:
            return roll_back(connection, name, alias, who=who, why=why, expected=expected)

    def resolve(self, name: str, reference: str | int = PRODUCTION) -> PromptVersion:
        """The version that an alias, a number or `latest` stands for.

        Raises:
            PromptError: there is no such prompt, alias or version.
        """
        with read_transaction(self._engine) as connection:
            return self.resolve_within(connection, name, reference)

    def resolve_within(self, connection: Connection, name: str, reference: str | int = PRODUCTION) -> PromptVersion:
        """`resolve` as part of a transaction that is open: several versions are then those of one moment.

        Raises:
            PromptError: as for `resolve`.
        """
        row = connection.execute(select_version(name, str(reference))).mappings().one_or_none()
        if row is None:
            check_known(connection, name)
            raise missing_reference(name, reference, aliases_of(connection, name))
        return version_from_row(row, self._engine.url)

    def names(self) -> list[str]:
        """The names of all prompts, sorted."""
        with read_transaction(self._engine) as connection:
            return sorted(names_of(connection))

    def mark(self) -> tuple[int, ...]:
        """Numbers that change with whatever is kept here: how many prompts, versions and moves there are."""
        with read_transaction(self._engine) as connection:
            tables = (prompts, prompt_versions, prompt_moves)
            return tuple(connection.execute(select(func.count()).select_from(each)).scalar_one() for each in tables)

    def record(self, name: str) -> PromptRecord:
        """All about one prompt, as of one moment.

        Raises:
            PromptError: there is no such prompt.
        """
        with read_transaction(self._engine) as connection:
            check_known(connection, name)
            created = connection.execute(select(prompts.c.created_at).where(prompts.c.name == name)).scalar_one()
            versions = connection.execute(
                VERSIONS.where(prompt_versions.c.name == name).order_by(prompt_versions.c.version)
            )
            moves = connection.execute(MOVES.where(prompt_moves.c.name == name).order_by(prompt_moves.c.number))
            return PromptRecord(
                name=name,
                created_at=created,
                versions=tuple(version_from_row(row, self._engine.url) for row in versions.mappings()),
                aliases=aliases_of(connection, name),
                moves=tuple(move_from_row(row) for row in moves.mappings()),
            )

    def history(self, name: str, alias: str | None = None) -> list[Move]:
        """All moves of a prompt's aliases, or of one of them, the earliest first.

        Raises:
            PromptError: there is no such prompt.
        """
        return [move for move in self.record(name).moves if alias in (None, move.alias)]

    def diff(self, name: str, a: str | int, b: str | int) -> PromptDifference:
        """What differs from version `a` to version `b`, each an alias, a number or `latest`.

        Raises:
            PromptError: there is no such prompt, alias or version.
        """
        return version_difference(self.resolve(name, a), self.resolve(name, b))

    def restore(self, record: PromptRecord) -> None:
        """Bring back a prompt that the database does not have, with versions, aliases and moves as they were.

        Raises:
            PromptError: there is a prompt of that name.
        """
        with write_transaction(self._engine) as connection:
            new = {"name": check_prompt_name(record.name), "created_at": record.created_at}
            made = upsert(connection, prompts).values(new).on_conflict_do_nothing().returning(prompts.c.name)
            if connection.execute(made).first() is None:
                raise PromptError(f"prompt {record.name} is there already; only a prompt that is not can be restored")
            for version in record.versions:
                connection.execute(insert(prompt_versions).values(version_row(version)))
            for move in record.moves:
                keep_move(connection, move)
