"""Links from the Prefect UI to the pages of reports, where these are served.

A browser opens no file from a page of a server. Where nothing serves the reports, artifacts name the file instead.
"""

from urllib.parse import quote

from prefect.artifacts import acreate_link_artifact

from gpo.settings import load_settings


def served_page(*place: str) -> str | None:
    """The address of a page of the reports by its place among them, such as `prompts`, `tickets`."""
    url = load_settings().reports_url
    return f"{url.rstrip('/')}/{'/'.join(map(quote, place))}.html" if url else None


async def link_page(*place: str, shown: str, key: str, description: str) -> None:
    """Publish a page as a link artifact; none where the reports are not served."""
    if (address := served_page(*place)) is not None:
        await acreate_link_artifact(link=address, link_text=shown, key=key, description=description)
