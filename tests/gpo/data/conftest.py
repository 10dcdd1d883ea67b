"""What the tests of labelled data share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpo.data.splits import load_splits
from gpo.records import Splits
from tests.support.labelled import Load, spec_for, write_rows


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load splits of rows (objects, or text or bytes as they are), written to one file."""

    def _load(rows: Any, sizes: Sequence[int] = (2, 2, 2), **options: Any) -> Splits:
        path = tmp_path / "data.jsonl"
        if isinstance(rows, bytes | str):
            path.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
        else:
            write_rows(path, rows)
        return load_splits(spec_for(path, sizes, **options))

    return _load
