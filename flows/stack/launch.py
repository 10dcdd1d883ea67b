"""Starting the Prefect server of a state folder: loaded first, without a trace, and ordered to serve later.

So it loads while the data and the models of a run are looked at, and where these are wrong, nothing was touched.
"""

import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from flows.stack.environment import SERVER_AUTH, find_key, key_path, make_key, own_environment, server_folders
from flows.stack.process import PYTHON, start_time
from flows.stack.server_users import PrefectServer, ServerOrder, record_path, server_log
from gpo.files import make_private, write_whole
from gpo.ports import HOST, listen_at_free_port
from gpo.settings import load_settings

_BACKLOG = 512
"""Requests that may wait at the port while Prefect loads."""


class Launch(NamedTuple):
    """A server that loads and waits for its order; until that it ends with this process."""

    child: "subprocess.Popen[bytes]"
    port: int
    key: str

    def drop(self) -> None:
        """End it: it is not needed."""
        self.child.kill()
        self.child.communicate()

    def fits(self, home: Path) -> bool:
        """Whether it runs, and no other command has made a key for the folder since."""
        return self.child.poll() is None and find_key(home) in {None, self.key}

    def serve(self, home: Path) -> PrefectServer:
        """Write it down and let it serve a state folder.

        Raises:
            OSError: the folder cannot be written; the server has been ended.
        """
        pid, log = self.child.pid, server_log(home)
        server = PrefectServer(pid=pid, port=self.port, start_time=start_time(pid))
        order = ServerOrder(home=home, log=log, idle_s=load_settings().prefect_idle_s)
        try:
            make_private(log.parent)
            with suppress(FileNotFoundError):
                log.replace(log.with_suffix(".previous.log"))
            if find_key(home) is None:
                write_whole(key_path(home), self.key, mode=0o600)
            write_whole(record_path(home), server.model_dump_json(), mode=0o600)
        except OSError:
            self.drop()  # what is not written down could never be stopped
            raise
        if self.child.stdin is not None:
            with suppress(BrokenPipeError):  # it has ended: whoever waits for it will tell
                self.child.stdin.write(order.model_dump_json().encode() + b"\n")
                self.child.stdin.close()
        # Whenever it ends, it must not stay behind as a zombie of this process.
        threading.Thread(target=self.child.wait, name=f"reap-{pid}", daemon=True).start()
        return server


def launch(home: Path, wanted: int) -> Launch:
    """Begin to load a server for a state folder, at port `wanted` or another."""
    key = find_key(home) or make_key()
    with listen_at_free_port(wanted, _BACKLOG) as listening, tempfile.TemporaryFile() as printed:
        port = int(listening.getsockname()[1])
        child = subprocess.Popen(  # noqa: S603 - our own command
            [*PYTHON, "flows.stack.prefect_server", str(listening.fileno())],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
            env=_environment(home, port, key),
            start_new_session=True,
            pass_fds=[listening.fileno()],
        )
    return Launch(child, port, key)


def _environment(home: Path, port: int, key: str) -> dict[str, str]:
    # Without the second name for the port its pages would call the usual one. Slots of a concurrency limit outlive the
    # server on disk; from its memory they would be lost, and stay taken for ever.
    return {
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        **own_environment(),
        **server_folders(home),
        SERVER_AUTH: key,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port},http://localhost:{port}",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
    }
