"""Pushing rows as the next version of a dataset, and finding the rows of a version again."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from gpo.data.sources.files import NumberedRow
from gpo.database.engine import utc_now
from gpo.datasets.changes import DatasetDifference, changes_of, difference_of
from gpo.datasets.content import Content, OnProgress, read_content
from gpo.datasets.fields import chosen_fields
from gpo.datasets.store import DatasetStore, open_store
from gpo.datasets.table import HOW_TO_BEGIN, made_versions, open_versions, unknown_dataset
from gpo.datasets.version import Changes, DatasetVersion, Pushed, label_shift
from gpo.errors import DatasetError, SpecError
from gpo.names import check_dataset_name, check_dataset_text
from gpo.settings import Settings
from gpo.spec.task import TaskSpec


class Origin(NamedTuple):
    """Where pushed rows come from, who pushes them and why. `stamp` is as `DatasetVersion` has it."""

    source: str
    who: str = ""
    note: str = ""
    stamp: str | None = None


class FieldNames(NamedTuple):
    """Fields that the caller names; what is left out is remembered from the version before, or guessed."""

    input: tuple[str, ...] = ()
    reference: str | None = None
    id: str | None = None


GUESSED = FieldNames()


def no_progress(_what: str, _rows: int) -> None:
    """For those who do not want to be told how far it is."""


class Datasets:
    """The datasets of a state folder. Nothing is made before there is something to keep."""

    def __init__(self, settings: Settings, home: Path) -> None:
        self._settings = settings
        self._home = home

    def push(
        self,
        name: str,
        rows: Iterator[NumberedRow],
        origin: Origin,
        given: FieldNames = GUESSED,
        told: OnProgress = no_progress,
    ) -> Pushed:
        """Check rows as a run would, keep them, and record the version; content of the newest version makes none.

        Other fields make a new version of the same rows. Of several that push at once each makes a version of its
        own, in some order, and its changes are those to the version before it.

        Raises:
            DatasetError: the name or the rows cannot be used; nothing was kept.
            StateError: the database or the store cannot be used; no version was made.
        """
        check_dataset_name(name)
        for field, text in (("note", origin.note), ("who", origin.who), ("source", origin.source)):
            check_dataset_text(field, text)
        newest = self._newest(name)
        fields = chosen_fields(newest.fields if newest else None, *given)
        with read_content(rows, origin.source, fields, told) as content, ExitStack() as stack:
            versions = stack.enter_context(made_versions(self._settings, self._home))
            store = open_store(self._settings, self._home)
            told("stored", content.rows)
            digest = store.add(content.lines)
            while True:
                newest = versions.newest(name)
                if newest is not None and (newest.digest, newest.fields) == (digest, content.fields):
                    return Pushed(version=newest, is_new=False)
                version = _version(name, content, digest, newest, origin)
                version = version.model_copy(update={"changes": _changes(store, newest, version, told)})
                if versions.add(version):
                    return Pushed(version=version, is_new=True)

    def note_announced(self, version: DatasetVersion) -> None:
        """Keep that Prefect was told of a version.

        Raises:
            StateError: the database cannot be used.
        """
        with made_versions(self._settings, self._home) as versions:
            versions.note_announced(version)

    def newest(self, name: str) -> DatasetVersion | None:
        """The newest version of a dataset; None when there is no such dataset."""
        check_dataset_name(name)
        return self._newest(name)

    def get(self, name: str, version: int | None = None) -> DatasetVersion:
        """One version, by default the newest.

        Raises:
            DatasetError: there is no such dataset or version; the message names those that there are.
        """
        check_dataset_name(name)
        with open_versions(self._settings, self._home) as versions:
            if versions is None:
                raise DatasetError(unknown_dataset(name, str(self._home), []))
            return versions.get(name, version)

    def all(self) -> list[DatasetVersion]:
        """The newest version of every dataset, by name."""
        with open_versions(self._settings, self._home) as versions:
            return [] if versions is None else [versions.get(name) for name in versions.names()]

    def history(self, name: str) -> list[DatasetVersion]:
        """All versions of a dataset, the first one first.

        Raises:
            DatasetError: there is no such dataset.
        """
        with open_versions(self._settings, self._home) as versions:
            if versions is None:
                raise DatasetError(unknown_dataset(name, str(self._home), []))
            return versions.history(name)

    def rows(self, version: DatasetVersion) -> Path:
        """The file with a version's rows, checked; it must not be changed.

        Raises:
            StateError: the store cannot be used, or has not what it should have.
        """
        return open_store(self._settings, self._home).path(version.digest)

    def diff(self, name: str, a: int, b: int) -> DatasetDifference:
        """What differs from one version to another, by the fields of the second.

        Raises:
            DatasetError: there is no such dataset or version.
        """
        one, other = self.get(name, a), self.get(name, b)
        paths = self.rows(one), self.rows(other)
        return difference_of(name, (a, b), paths, other.fields, label_shift(one.labels, other.labels))

    def resolved(self, spec: TaskSpec, version: int | None = None) -> TaskSpec:
        """The spec with the version of its named dataset, whose rows `load_splits` can then read; others as they are.

        `version` goes before the spec's own; by default it is the newest.

        Raises:
            DatasetError: there is no such dataset or version.
            SpecError: a version was given, and the spec names no dataset.
            StateError: the rows cannot be had.
        """
        dataset = spec.dataset
        if dataset.name is None:
            if version is not None:
                raise SpecError(
                    f"{spec.name}: version {version} of a dataset was asked for, but the spec's dataset is"
                    f" {dataset.source}, which has no versions; write `dataset: {{name: NAME, ...}}` ({HOW_TO_BEGIN})"
                )
            return spec
        found = self.get(dataset.name, dataset.version if version is None else version)
        return spec.model_copy(update={"dataset": dataset.with_stored_rows(found.version, self.rows(found))})

    def _newest(self, name: str) -> DatasetVersion | None:
        with open_versions(self._settings, self._home) as versions:
            return None if versions is None else versions.newest(name)


def _version(name: str, content: Content, digest: str, newest: DatasetVersion | None, origin: Origin) -> DatasetVersion:
    return DatasetVersion(
        name=name,
        version=1 if newest is None else newest.version + 1,
        digest=digest,
        rows=content.rows,
        fields=content.fields,
        columns=content.columns,
        labels=content.labels,
        labels_before=None if newest is None else newest.labels,
        stamp=origin.stamp,
        source=origin.source,
        note=origin.note,
        who=origin.who,
        created_at=utc_now(),
    )


def _changes(store: DatasetStore, newest: DatasetVersion | None, version: DatasetVersion, told: OnProgress) -> Changes:
    if newest is None:
        return Changes(added=version.rows)
    told("compared", version.rows)
    return changes_of(store.path(newest.digest), store.path(version.digest), version.fields)
