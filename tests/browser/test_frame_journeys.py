"""The first visit of a fresh server, in real Chromium."""

from __future__ import annotations

import pytest

from core.store import Collection
from tests.browser.conftest import settled

pytestmark = pytest.mark.browser


def test_a_deep_link_as_the_first_visit_shows_the_framed_page_with_its_query(serve, page, home) -> None:
    Collection.create("Hats", home=home)
    Collection.create("Shoes", home=home)
    server = serve(home=home)
    page.goto(f"{server.url}/search?c=hats&q=red")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home").wait_for()
    settled(page)
    assert page.get_by_role("combobox", name="Collection").input_value() == "Hats"
    assert "q=red" in page.url and "c=hats" in page.url
    assert page.get_by_test_id("stException").count() == 0


def test_pages_keep_the_collection_when_they_change(serve, page, home) -> None:
    Collection.create("Hats", home=home)
    Collection.create("Shoes", home=home)
    server = serve(home=home)
    page.goto(f"{server.url}/?c=hats")
    settled(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Search").click()
    page.wait_for_url("**/search?*c=hats*")
    settled(page)
    assert page.get_by_role("combobox", name="Collection").input_value() == "Hats"


def test_the_console_is_quiet_and_nothing_is_asked_of_other_hosts(serve, page) -> None:
    server = serve()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(server.url)
    settled(page)
    ours = (server.url, server.url.replace("http", "ws"), "data:", "blob:")
    elsewhere = [url for url in asked if not url.startswith(ours)]
    assert elsewhere == []
    assert errors == []
