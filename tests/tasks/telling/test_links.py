"""Links from the Prefect UI to pages of reports."""

import pytest

from tasks.telling.links import served_page


def test_a_page_has_an_address_where_the_reports_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPO_REPORTS_URL", raising=False)
    assert served_page("prompts", "tickets") is None
    monkeypatch.setenv("GPO_REPORTS_URL", "http://reports.example.com/reports/")
    assert served_page("prompts", "tickets") == "http://reports.example.com/reports/prompts/tickets.html"
