"""Environment variables that Prefect needs before it is imported: its state in the state folder, no calls home.

Nothing here changes the user's Prefect profile, and whatever the user has set wins.
"""

import logging
import os
import secrets
import socket
import tomllib
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from flows.stack.process import is_alive
from flows.stack.record import Stack, read_stack
from flows.stack.server_users import read_server
from gpo.files import real_path, write_whole

_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
    "LANGSMITH_TRACING": "false",
}
_CONNECT_S = 1.0

AUTH, SERVER_AUTH = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"
CHROMA_KEY, PROMPTS_KEY = "GPO_CHROMA_TOKEN", "GPO_PROMPTS_KEY"


def prepare_prefect(home: Path, *, verbose: bool = False, whole: bool = True) -> None:
    """Set Prefect's environment for this process and its children; to be called before Prefect is imported.

    Where the stack of this state folder runs, its Prefect server and (`whole`) its Chroma are used.
    """
    home = real_path(home)
    if not verbose:
        # Prefect writes its troubles with telling the server of logs past its own logger, unless Python's says no.
        logging.raiseExceptions = False
    join_stack(home, whole=whole)
    if not api_url() and (key := find_key(home)) is not None:
        os.environ.setdefault(AUTH, key)  # for the folder's own server, should one be found later
    defaults = {
        **_QUIET,
        # A cold start of the temporary server took longer than Prefect's own limit on two cores.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "results"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        # The progress display and the error message say what a person needs; the Prefect UI has the whole log.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO" if verbose else "CRITICAL",
        # Of each event that a server which is away does not take, Prefect prints the whole.
        "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR" if verbose else "CRITICAL",
    }
    chosen = _read_profile()
    for name, value in defaults.items():
        if name not in chosen:
            os.environ.setdefault(name, value)


def api_url() -> str | None:
    """The Prefect server that the user has configured, by environment or profile."""
    return os.environ.get("PREFECT_API_URL") or _read_profile().get("PREFECT_API_URL")


def find_api_url(home: Path) -> str | None:
    """The Prefect server that hears of what happens here: the configured one, the stack's, or the folder's own."""
    stack, own = read_stack(home), read_server(home)
    return api_url() or (stack.api_url if stack else None) or (f"{own.url}/api" if own else None)


def api_auth() -> str | None:
    """`USER:PASSWORD` for the Prefect server: what is configured, by the user or for a server of a state folder."""
    return os.environ.get(AUTH) or _read_profile().get(AUTH)


def key_path(home: Path) -> Path:
    """The file with the key of a state folder's Prefect server, which its owner alone can read."""
    return home / "prefect-key"


def find_key(home: Path) -> str | None:
    """The key of the state folder's Prefect server: as configured, else as it was made; None where there is none."""
    if configured := os.environ.get(SERVER_AUTH) or _read_profile().get(SERVER_AUTH):
        return configured
    try:
        return key_path(home).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def make_key() -> str:
    """A new key, `USER:PASSWORD` as Prefect wants it."""
    return f"gpo:{secrets.token_urlsafe(32)}"


def chroma_key_path(home: Path) -> Path:
    """The file with the key of the Chroma server of a state folder's stack, which its owner alone can read."""
    return home / "chroma-key"


def prompts_key_path(home: Path) -> Path:
    """The same for the stack's prompt endpoint."""
    return home / "prompts-key"


def make_keys(home: Path) -> None:
    """Have keys for the servers of a stack that this process starts; they are made once for a state folder.

    A key for prompts that the user has set is taken, and not written down; one for Chroma is of another server.

    Raises:
        OSError: they cannot be kept.
    """
    for variable, path in ((CHROMA_KEY, chroma_key_path(home)), (PROMPTS_KEY, prompts_key_path(home))):
        if variable == PROMPTS_KEY and os.environ.get(variable):
            continue
        if not path.exists():
            write_whole(path, secrets.token_urlsafe(32), mode=0o600)
        os.environ[variable] = path.read_text(encoding="utf-8")


def place_of_prompts_key(home: Path) -> str:
    """Where the key is found that the stack's prompt endpoint wants: in the user's variable, or in a file."""
    path = prompts_key_path(home)
    try:
        is_own = path.read_text(encoding="utf-8") != os.environ.get(PROMPTS_KEY)
    except OSError:
        is_own = True
    return PROMPTS_KEY if is_own else str(path)


def use_server(home: Path, url: str) -> None:
    """Send what happens here to the Prefect server of a state folder."""
    os.environ["PREFECT_API_URL"], os.environ["PREFECT_UI_URL"] = f"{url}/api", url
    if (key := find_key(home)) is not None:
        os.environ[AUTH] = key


def find_stack(home: Path) -> Stack | None:
    """The stack of a state folder, if its Prefect server and its Chroma run and can be reached."""
    stack = read_stack(home)
    if stack is None:
        return None
    parts = (("server", stack.api_url), ("chroma", stack.chroma_url))
    return stack if all(_answers(stack, name, url) for name, url in parts) else None


def join_stack(home: Path, *, whole: bool = True) -> bool:
    """Use the running stack of a state folder, where nothing else is configured; False when there is none.

    Its Prefect server can show runs of any state folder. Its Chroma and its reports (`whole`) are only for runs of its
    own folder: the index holds what this folder's database knows.
    """
    stack = find_stack(home)
    if stack is None:
        return False
    if not api_url():
        use_server(home, stack.ui_url)
    if whole and "GPO_CHROMA_URL" not in os.environ:
        os.environ["GPO_CHROMA_URL"] = stack.chroma_url
        with suppress(OSError):  # an earlier version's had none
            os.environ[CHROMA_KEY] = chroma_key_path(home).read_text(encoding="utf-8")
    if whole and stack.reports_url:
        os.environ.setdefault("GPO_REPORTS_URL", stack.reports_url)
    return True


def _answers(stack: Stack, name: str, url: str) -> bool:
    process, place = stack.processes.get(name), urlsplit(url)
    if process is None or not is_alive(process):
        return False
    try:
        socket.create_connection((place.hostname or "", place.port or 80), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


def own_environment() -> dict[str, str]:
    """The environment of this process, for those that it starts."""
    return dict(os.environ)


def server_folders(home: Path) -> dict[str, str]:
    """Where a Prefect server keeps its files: in the state folder, with the user's profiles as they are.

    As it is imported, Prefect makes its folder, but none above it. So it lies two below the state folder: nothing is
    written before a server is to serve it.
    """
    return {"PREFECT_HOME": str(home / "prefect" / "server"), "PREFECT_PROFILES_PATH": str(_profiles_path())}


def _profiles_path() -> Path:
    folder = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    return Path(os.environ.get("PREFECT_PROFILES_PATH", folder / "profiles.toml"))


def _read_profile() -> dict[str, str]:
    """What the user's active Prefect profile sets; Prefect cannot be asked before its environment is complete."""
    try:
        content = tomllib.loads(_profiles_path().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # the last: there is no home folder
        return {}
    active = os.environ.get("PREFECT_PROFILE", content.get("active"))
    return {name: str(value) for name, value in content.get("profiles", {}).get(active, {}).items()}
