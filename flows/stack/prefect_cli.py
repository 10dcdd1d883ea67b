"""Runs a command of Prefect once there is a work pool: `python -m flows.stack.prefect_cli POOL ARGUMENT...`.

Prefect is imported while its server still starts, which takes as long. Workers and deployments are started so.
"""

import sys

from flows.stack.environment import api_auth, api_url
from flows.stack.parts import PrefectApi
from flows.stack.waiting import wait_until

_WAIT_S = 150.0


def main() -> None:
    """Load, wait and run the command."""
    pool, *sys.argv[1:] = sys.argv[1:]
    import prefect.cli  # noqa: PLC0415 - seconds, which pass while the server starts
    import prefect.cli.deploy  # noqa: PLC0415
    import prefect.cli.worker  # noqa: PLC0415

    with PrefectApi(api_url() or "", api_auth()) as api:
        wait_until(lambda: api.has_pool(pool), _WAIT_S)
    prefect.cli.app()


if __name__ == "__main__":
    main()
