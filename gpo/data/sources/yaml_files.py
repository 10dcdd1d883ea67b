"""YAML files of rows."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from gpo.data.sources.files import (
    FileReading,
    NumberedRow,
    decoding_problem,
    loader,
    open_text,
    row_of_value,
    the_array,
)
from gpo.data.sources.frames import as_written
from gpo.errors import DatasetError


@loader(".yaml", ".yml")
def load_yaml(path: Path, reading: FileReading) -> Iterator[NumberedRow]:
    """A list of mappings, or a mapping that holds one such list; read whole, numbered from 1."""
    with open_text(path, reading, newline="") as file:
        text = file.read()
    if problem := decoding_problem(text, reading.encoding):
        raise DatasetError(f"{path}: {problem}")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: not valid YAML: {' '.join(str(error).split())[:200]}") from None
    for number, value in enumerate(the_array(content, path), start=1):
        yield number, row_of_value(as_written(value))
