"""Journey: the line "likely irrelevant below" lies between the results, moves none of them, and can be switched off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.query.parse import parse
from core.store import Collection
from core.types import Judgment, SavedQuery
from tests.browser.conftest import settled
from tests.browser.prepared import NAME, cli, drawn, indexed  # noqa: F401 - fixtures
from tests.fakes import COLOURS

pytestmark = pytest.mark.browser

PLACES = """(grid) => [...grid.querySelectorAll('.card')].map((card) => {
  const box = card.getBoundingClientRect(), all = card.parentElement.getBoundingClientRect();
  return [card.dataset.id, Math.round(box.x - all.x), Math.round(box.y - all.y), Math.round(box.width)];
})"""
LINE = """(grid) => {
  const cards = [...grid.querySelectorAll('.card')].map((card) => card.getBoundingClientRect());
  return [...grid.querySelectorAll('.rule .piece')].map((piece) => {
    const box = piece.getBoundingClientRect();
    const overlaps = cards.filter((c) => box.x + 4.5 > c.x && box.x + 3.5 < c.right && box.width < 9
      && box.y + 4.5 > c.y && box.y + 3.5 < c.bottom && box.height > 9);
    return [piece.className, box.width, box.height, overlaps.length];
  });
}"""


def judge(collection: Collection) -> None:
    """Ten colours as queries; every other picture of eight is of the colour."""
    rows = collection.select("SELECT item_id, file FROM items ORDER BY file")
    for colour in list(COLOURS)[:10]:
        query = parse(colour)
        collection.save_queries([SavedQuery(query.query_id, colour, query)], "Colours")
        own = [item for item, file in rows if file.split("-")[1] == colour][:4]
        others = [item for item, file in rows if file.split("-")[1] != colour][::9][:4]
        collection.judgments.add_many([Judgment(query.query_id, item, 2, "ann") for item in own])
        collection.judgments.add_many([Judgment(query.query_id, item, 0, "ann") for item in others])


def shot(page, name: str) -> None:  # noqa: ANN001
    if folder := os.environ.get("LOUPE_SHOTS"):
        page.screenshot(path=str(Path(folder) / name))


@pytest.mark.parametrize("width", [1280, 390])
def test_the_line_lies_between_the_results_and_moves_none(drawn, serve, page, width):  # noqa: F811
    home = drawn()
    judge(Collection.open(NAME, home))
    part = cli(home, "cutoff", NAME, "--recall", "0.5", "--use")["parts"][0]
    assert (part["rung"], part["n_labels"]) == ("platt", 80)
    found = {word: cli(home, "search", NAME, "--text", word, "-k", "40")["cutoff"]["after"] for word in ("red", "green", "blue")}
    word, after = next((word, after) for word, after in found.items() if 0 < after < 40)
    key = Collection.open(NAME, home).key
    server = serve(home)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{server.url}/search?c={key}&q={word}")
    says = page.locator(".loupe-grid .rule .says")
    says.wait_for()
    settled(page)
    assert "relevant below (" in says.inner_text()
    assert "Laid to keep 50% of the relevant results" in page.locator(".loupe-grid .rule").get_attribute("title")
    grid = page.locator(".loupe-grid")  # a component has a shadow root, which only locators look into
    with_line, pieces = grid.evaluate(PLACES), grid.evaluate(LINE)
    assert pieces and not any(overlaps for *_, overlaps in pieces)
    same_row = with_line[after - 1][2] == with_line[after][2]
    assert len(pieces) == (3 if same_row else 1)
    shot(page, f"line-{width}.png")
    assert page.get_by_text(f"{after} of 40 shown are above the line").is_visible()
    page.get_by_text("Line", exact=True).first.click()
    page.locator(".loupe-grid .rule .says").wait_for(state="detached")
    settled(page)
    assert "line=off" in page.url
    assert grid.evaluate(PLACES) == with_line and len(with_line) == 40
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    page.reload()
    page.locator(".loupe-grid .card").first.wait_for()
    settled(page)
    assert not page.locator(".loupe-grid .rule .says").count()
