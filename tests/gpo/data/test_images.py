"""Columns of images: from paths, addresses and bytes to blocks of a message."""

import base64
import csv
from pathlib import Path

import pandas as pd
import pytest

from gpo.data.guessing.found import find_in
from gpo.data.starter import write_starter
from gpo.errors import DatasetError
from gpo.records import Example

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
COUNT = 24


def animal(number: int) -> str:
    return ["cat", "dog"][number % 2]


def write(folder: Path, form: str) -> Path:
    """A table of images in one form; its labels stand in the names of files, which no model is shown."""
    names = [f"{animal(number)}{number}.png" for number in range(COUNT)]
    if form == "paths":
        for number, name in enumerate(names):
            (folder / name).write_bytes(PNG + bytes([number]))
    if form == "bytes":
        held = [{"bytes": PNG + bytes([number]), "path": None} for number in range(COUNT)]
        pd.DataFrame({"photo": held, "label": [*map(animal, range(COUNT))]}).to_parquet(folder / "rows.parquet")
        return folder / "rows.parquet"
    if form == "data URLs":
        names = [f"data:image/png;base64,{base64.b64encode(PNG + bytes([i])).decode()}" for i in range(COUNT)]
    if form == "addresses":
        names = [f"https://example.org/{name}?size=2" for name in names]
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["photo", "label"], *([name, animal(i)] for i, name in enumerate(names))])
    return folder / "rows.csv"


@pytest.mark.parametrize("form", ["paths", "bytes", "data URLs", "addresses"])
def test_a_column_of_images_is_sent_as_images(form: str, tmp_path: Path) -> None:
    starter = write_starter("task", write(tmp_path, form), tmp_path, force=True)
    found = starter.found.guess
    assert (found.inputs, found.special, found.reference) == ({"photo": "photo"}, {"photo": "images"}, "label")
    # An embedded model takes text alone, whether it is installed or not.
    assert "local:" not in starter.path.read_text("utf-8").partition("\nmodels:")[2].partition("\noptimizer:")[0]
    example: Example = starter.splits.test[0]
    messages = example.inputs["photo"]
    assert not isinstance(messages, str)
    block = messages[0].blocks[0]
    assert (len(messages), messages[0].role, block["type"]) == (1, "user", "image")
    assert ("url" in block) == (form == "addresses")
    assert len({each.id for each in (*starter.splits.test, *starter.splits.dev)}) == len(starter.splits.test) + len(
        starter.splits.dev
    )


def test_images_that_are_not_there_are_named(tmp_path: Path) -> None:
    data = write(tmp_path, "paths")
    for each in tmp_path.glob("*.png"):
        each.unlink()
    with pytest.raises(DatasetError, match="`photo` names images that are not beside the data"):
        find_in(data)
