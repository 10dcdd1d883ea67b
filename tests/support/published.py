"""The published benchmarks, where a copy of them stands next to the project; never part of it."""

import os
from pathlib import Path

import pytest

PUBLISHED = Path(os.environ.get("GPO_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")

needs_published_data = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="no copy of the published data")
