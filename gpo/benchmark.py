"""A published benchmark's folder as a task."""

import re
from pathlib import Path

import yaml

from gpo.spec import SplitSpec, TaskSpec
from gpo.spec_file import anchored
from gpo.spec_text import spec_text
from gpo.starter import found_in


def task_of(folder: Path, *, train: int | None = None, dev: int | None = None, test: int | None = None) -> TaskSpec:
    """The task that a folder of labelled splits is, with the embedded models; sizes are the folder's, or as given.

    The benchmarks of the paper are known by the folder's name and asked as the paper does it; of any other folder, the
    rows tell. `gpo.starter.write_starter` writes the same as a commented file.

    Raises:
        DatasetError: the folder cannot be read, or does not show what is input and what is answer.
    """
    found = found_in(folder)
    sizes = {"train": train, "dev": dev, "test": test}
    given = {split: size for split, size in sizes.items() if size is not None}
    found = found._replace(split=SplitSpec.model_validate({**found.split.model_dump(), **given}))
    spec = TaskSpec.model_validate(yaml.safe_load(spec_text(_name(folder.resolve()), ".", found, local=True)))
    return anchored(spec, folder.resolve())


def _name(folder: Path) -> str:
    """`bbh-navigate` for `bbh/navigate`, and the folder's own name where nothing is gained by more."""
    group = f"{folder.parent.name}-" if folder.parent.name in ("bbh", "mmlu") else ""
    name = re.sub(r"[^a-z0-9_-]+", "_", f"{group}{folder.name}".lower())
    return name.strip("_-")[:63] or "task"
