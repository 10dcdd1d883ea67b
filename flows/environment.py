"""What Prefect is told before it is imported: where its state goes, and that it keeps to itself.

Nothing here changes the user's Prefect profile, and whatever the user has set wins.
"""

import os
import tomllib
from pathlib import Path

_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
    "LANGSMITH_TRACING": "false",
}


def prepare(home: Path, *, verbose: bool = False) -> None:
    """Set Prefect's environment for this process and its children; to be called before Prefect is imported."""
    home = home.resolve()
    defaults = {
        **_QUIET,
        # A cold start of the temporary server took longer than Prefect's own limit on two cores.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "results"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        # The progress display and the error message say what a person needs; the Prefect UI has the whole log.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO" if verbose else "CRITICAL",
    }
    chosen = _profile()
    for name, value in defaults.items():
        if name not in chosen:
            os.environ.setdefault(name, value)


def api_url() -> str | None:
    """The Prefect server that the user has configured, by environment or profile."""
    return os.environ.get("PREFECT_API_URL") or _profile().get("PREFECT_API_URL")


def _profile() -> dict[str, str]:
    """What the user's active Prefect profile sets; Prefect cannot be asked before its environment is complete."""
    try:
        folder = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
        path = Path(os.environ.get("PREFECT_PROFILES_PATH", folder / "profiles.toml"))
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # the last: there is no home folder
        return {}
    active = os.environ.get("PREFECT_PROFILE", content.get("active"))
    return {name: str(value) for name, value in content.get("profiles", {}).get(active, {}).items()}
