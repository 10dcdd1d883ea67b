import asyncio
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest

from gpo.production_spec import NotifySpec
from tests.conftest import without_leftovers_of_prefect

pytestmark = [pytest.mark.slow]

Told = list[tuple[str, Any]]
URL = "OPS_WEBHOOK"


@pytest.fixture
def listener() -> Iterator[tuple[str, Told]]:
    told: Told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(503 if self.path == "/down" else 204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", told
        server.shutdown()
        thread.join()


@pytest.fixture
def sent(prefect_api: str, own_environment: None) -> Callable[..., None]:
    from tasks.notify import Message, send

    def run(told: NotifySpec, page: str | None = None) -> None:
        message = Message(status="promoted", subject="sums: promoted", text="version 2 promoted by gpo", page=page)
        with without_leftovers_of_prefect(prefect_api):
            asyncio.run(send(told, message))

    return run


def test_a_block_and_a_webhook_are_told(listener: tuple[str, Told], sent: Callable[..., None]) -> None:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    url, told = listener
    block = CustomWebhookNotificationBlock(
        name="ops", url=f"{url}/block", json_data={"title": "{{subject}}", "text": "{{body}}"}
    )
    block.save("ops", overwrite=True)
    with patch.dict("os.environ", {URL: f"{url}/hook"}):
        sent(NotifySpec(blocks=("custom-webhook/ops",), webhook_env=URL), page="http://prefect/run")
    assert told == [
        ("/block", {"title": "sums: promoted", "text": "version 2 promoted by gpo\n\nhttp://prefect/run"}),
        (
            "/hook",
            {
                "status": "promoted",
                "subject": "sums: promoted",
                "text": "version 2 promoted by gpo",
                "page": "http://prefect/run",
            },
        ),
    ]


def test_who_cannot_be_told_is_named_without_the_secret_address(
    listener: tuple[str, Told], sent: Callable[..., None]
) -> None:
    from tasks.notify import NotificationError

    url, told = listener
    with patch.dict("os.environ", {URL: f"{url}/down"}), pytest.raises(NotificationError) as caught:
        sent(NotifySpec(blocks=("slack-webhook/nobody",), webhook_env=URL))
    assert "block slack-webhook/nobody: ValueError" in str(caught.value)
    assert f"webhook {URL}: HTTP 503" in str(caught.value)
    assert url not in str(caught.value)
    assert len(told) == 1
    with pytest.raises(NotificationError, match=f"{URL} is not set"):
        sent(NotifySpec(webhook_env=URL))
