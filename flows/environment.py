"""What Prefect is told before it is imported: where its state goes, and that it keeps to itself.

Nothing here changes the user's Prefect profile, and whatever the user has set wins.
"""

import os
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
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
