import asyncio
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from gpo.spec.production import NotifySpec
from tests.conftest import without_leftovers_of_prefect
from tests.support.webhook import Told, webhook

pytestmark = [pytest.mark.slow]

URL = "OPS_WEBHOOK"


@pytest.fixture
def listener() -> Iterator[tuple[str, Told]]:
    with webhook() as listening:
        yield listening


@pytest.fixture
def sent(prefect_api: str, own_environment: None) -> Callable[..., None]:
    from tasks.notify import Notice, send

    def run(told: NotifySpec, page: str | None = None) -> None:
        message = Notice(status="promoted", subject="sums: promoted", text="version 2 promoted by gpo", page=page)
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
