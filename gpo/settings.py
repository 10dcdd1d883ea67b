"""Settings of this machine, read from `GPO_*` environment variables here and nowhere else.

What belongs to a task stands in its spec: see `gpo.spec`.
"""

import getpass
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from gpo.errors import InputError
from gpo.files import real_path

DATABASE_FILE = "gpo.db"

_TOLD = ("OPENAI_", "LANGSMITH_TRACING", "LANGSMITH_GATEWAY", "LANGCHAIN_TRACING")
"""How the variables begin by which people set up LangChain's class for OpenAI."""


def user_name() -> str:
    """The user of this machine, by name or number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run under a number that has no name
        return str(os.getuid()) if hasattr(os, "getuid") else "user"


def machine_name() -> str:
    """The machine, and on Linux the space of its process numbers: containers may share a name, and not these."""
    space = ""
    with suppress(OSError):
        space = Path("/proc/self/ns/pid").readlink().name
    return f"{socket.gethostname()[:60]} {space}".strip()


class Settings(BaseSettings):
    """Where state lives and how shared services are reached.

    Every field can be set by an environment variable: `GPO_HOME`, `GPO_DATABASE_URL` and so on.
    """

    model_config = SettingsConfigDict(env_prefix="GPO_", frozen=True, extra="ignore")

    home: Path | None = None
    """State folder; by default `.gpo/` next to the spec."""

    database_url: SecretStr | None = None
    """SQLAlchemy URL; by default SQLite in the state folder."""

    dataset_url: SecretStr | None = None
    """SQLAlchemy URL of the database that `dataset.sql` asks."""

    dataset_store: SecretStr | None = None
    """Folder, or fsspec URL such as `s3://bucket/datasets`, for the rows of datasets; by default in the state folder.

    It may hold a password."""

    chroma_url: str | None = None
    """`http://host:port` of a Chroma server; by default an embedded Chroma in the state folder."""

    chroma_token: SecretStr | None = None
    """The key that the Chroma server wants as `Authorization: Bearer KEY`; by default none is sent."""

    chroma_wait_s: float = 600.0
    """How many seconds a run waits for another process that holds the embedded Chroma."""

    runtime_dir: Path = Field(default_factory=lambda: Path(tempfile.gettempdir()) / f"gpo-{user_name()}")
    """Folder in which processes of this machine and user find the embedded model servers of each other."""

    prefect_idle_s: float = Field(default=300.0, ge=0)
    """How many seconds the Prefect server of a state folder runs on after its last run has ended."""

    prompt_refresh_s: float = Field(default=30.0, gt=0)
    """About how many seconds pass before `gpo.load_prompt` looks for a newer version again."""

    prompts_key: SecretStr | None = None
    """The key that the prompt endpoint wants as `Authorization: Bearer KEY`; by default it asks for none."""

    reports_key: SecretStr | None = None
    """The password under which the prompt endpoint serves reports at `/reports`; by default it serves none."""

    reports_url: str | None = None
    """Where people find these reports, `http://host:port/reports`: artifacts of runs link there; `gpo up` sets it."""

    local_idle_s: float = 10.0
    """How many seconds an embedded model server runs on after its last user has left."""

    local_start_s: float = 120.0
    """How many seconds an embedded model server may take to start."""

    local_threads: int | None = None
    """Threads of an embedded model server; by default all cores but one."""

    def home_for(self, spec_path: Path) -> Path:
        """The state folder of a spec file."""
        return self.home if self.home is not None else real_path(spec_path).parent / ".gpo"

    def home_here(self) -> Path:
        """The state folder where no spec is named: in the working folder, unless it is set."""
        return (self.home or Path(".gpo")).absolute()

    def has_database(self, home: Path) -> bool:
        """Whether there is a database for a state folder; one that is set by URL counts as there.

        So does one in a folder that may not be entered: whoever opens it is told why that fails.
        """
        is_shut = os.path.isdir(home) and not os.access(home, os.X_OK)  # noqa: PTH112 - raises nothing
        return self.database_url is not None or is_shut or os.path.lexists(home / DATABASE_FILE)

    def database_file(self, home: Path) -> Path | None:
        """The SQLite file in a state folder; None where a URL names another database."""
        return home / DATABASE_FILE if self.database_url is None else None

    def database_is_file(self) -> bool:
        """Whether the database is a file of this machine."""
        return self.database_url is None or self.database_url.get_secret_value().startswith("sqlite")

    def database_for(self, home: Path) -> str:
        """The database URL for a state folder."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{home / DATABASE_FILE}"


def load_settings() -> Settings:
    """The settings as the environment has them.

    Raises:
        InputError: a `GPO_*` variable cannot be used; its value, which may be a secret, is not repeated.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"GPO_{'_'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors()]
        raise InputError("; ".join([*wrong, "correct or unset these environment variables"])) from None


def read_secret(variable: str) -> SecretStr | None:
    """The secret that an environment variable holds; None when it is unset or empty."""
    value = os.environ.get(variable)
    return SecretStr(value) if value else None


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def configures_langchain() -> bool:
    """Whether a variable tells LangChain or OpenAI's SDK more than the key: an address, an organisation, a trace."""
    told = (name for name in os.environ if name.startswith(_TOLD) and name != "OPENAI_API_KEY")
    return any(os.environ[name].strip().casefold() not in ("", "0", "false") for name in told)


def disable_telemetry() -> None:
    """Tell libraries not to report usage to their makers, unless the user has set their variables already."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
