"""The judging screen by itself in a browser, without a server: keys, notes, the end of a queue, a phone."""

from __future__ import annotations

import pytest

from tests.browser.conftest import PROJECT

pytestmark = pytest.mark.browser
JUDGING = PROJECT / "pages" / "_judging"
PICTURE = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='300' height='200'></svg>"
SETUP = """async ([source, css]) => {
  const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  window.went = [];
  window.presses = [];
  let shadow, leave;
  // anew: as where the screen is taken down and put up again; otherwise as a rerun that keeps it.
  window.show = (data, anew) => {
    if (anew || !shadow) {
      if (leave) leave();
      const host = document.createElement("div");
      document.body.replaceChildren(host);
      shadow = host.attachShadow({ mode: "open" });
      shadow.innerHTML = `<style>${css}</style><div class="judging" tabindex="0"></div>`;
    }
    leave = module.default({
      data, parentElement: shadow,
      setStateValue: (_, said) => { window.presses = said; }, setTriggerValue: (_, to) => { window.went.push(to); },
    });
  };
  window.down = () => { leave(); leave = undefined; shadow = undefined; document.body.replaceChildren(); };
}"""


class Screen:
    """The screen in a page."""

    def __init__(self, page) -> None:  # noqa: ANN001
        self.page = page
        page.goto("about:blank")
        page.evaluate("document.documentElement.style.setProperty('--st-background-color', 'white')")
        page.evaluate(SETUP, [(JUDGING / name).read_text(encoding="utf-8") for name in ("judging.js", "judging.css")])

    def show(self, data, *, anew=False) -> None:  # noqa: ANN001
        self.page.evaluate("([data, anew]) => window.show(data, anew)", [data, anew])

    def keys(self, keys: str) -> None:
        for key in keys.split():
            self.page.keyboard.press(key)

    @property
    def presses(self) -> list[dict]:
        return self.page.evaluate("window.presses")

    @property
    def went(self) -> list[object]:
        return self.page.evaluate("window.went")

    @property
    def said(self) -> str:
        return " ".join(self.page.locator(".judging").inner_text().split())

    @property
    def count(self) -> str:
        return self.page.get_by_test_id("judged").inner_text()


@pytest.fixture
def screen(page) -> Screen:  # noqa: ANN001
    return Screen(page)


def item(name, grade="left", **more):  # noqa: ANN001, ANN003
    judged = grade != "left"
    return {"id": name, "thumb": PICTURE, "full": PICTURE, "judged": judged, "order": int(name[1:]) if judged else None,
            "grade": grade if judged else None, "note": "", "copies": 0} | more  # fmt: skip


def sent(*items, query="q1", **more):  # noqa: ANN002, ANN003
    return {"query": {"id": query, "text": f"words of {query}", "guideline": "", "pictures": []}, "collection": "c", "judge": "ann",
            "queue": "", "pool": "p", "mode": "one", "blind": True, "acked": [], "hasNext": False, "hasPrevious": True, "left": None,
            "items": list(items)} | more  # fmt: skip


def other(query, n, *, after=False):  # noqa: ANN001
    return {"id": query, "text": f"words of {query}", "n": n, "after": after}


def left(*others, queries=2, images=8):  # noqa: ANN002
    return {"others": list(others), "queries": queries, "images": images}


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize("mode", ["one", "grid"])
def test_the_end_says_what_was_skipped_and_leads_to_the_first(screen, mode):
    data = sent(item("i0"), item("i1"), item("i2", 2), query="q3", mode=mode, left=left(other("q1", 3)))
    screen.show(data)
    screen.keys("x j j")
    assert '4 images were skipped, without a grade and without can\'t tell: 3 in "words of q1", 1 in "words of q3".' in screen.said
    assert "All " not in screen.said and screen.count == "2 of 3"
    screen.page.get_by_role("button", name="Go to the first one skipped").click()
    assert screen.went == [{"to": "q1"}]
    screen.show(sent(item("i0", 3), item("i1"), mode=mode, hasNext=True, left=left(other("q3", 1, after=True))), anew=True)
    screen.keys("2")
    assert screen.presses[-1]["item"] == "i1"  # the first that is left in it is open
    assert "All 2 images of this query are judged." in screen.said  # and the way on is to the next query
    screen.show({**data, "left": left()}, anew=True)
    screen.page.get_by_role("button", name="Go to the first one skipped").click()
    screen.keys("0")
    assert screen.presses[-1]["item"] == "i1" and len(screen.went) == 1
    assert "All is judged: 11 images in 3 queries." in screen.said and "skipped" not in screen.said


def test_a_screen_that_stood_at_its_end_opens_on_what_was_skipped(screen):
    first = sent(item("i0"), item("i1"), item("i2"), hasNext=True)
    screen.show(first)
    screen.keys("3 j 1 j j")  # after the last image comes what was skipped, and it is skipped again
    assert "1 of 3 images of this query are left" in screen.said
    second = sent(item("i7", 1), query="q2", left=left(other("q1", 1), queries=1, images=3))
    screen.show(second, anew=True)
    screen.page.get_by_role("button", name="Go to the first one skipped").click()
    now = {**first, "left": left(queries=1, images=1), "items": [item("i0", 3), item("i1"), item("i2", 1)]}
    screen.show(now, anew=True)
    screen.keys("x")
    assert (screen.presses[-1]["item"], screen.presses[-1]["grade"]) == ("i1", None)
    assert "All is judged: 4 images in 2 queries." in screen.said  # though another query stands behind it
    screen.keys("n")
    assert screen.went[-1] == "next"


def test_many_skipped_queries_and_unopened_ones_are_named_in_short(screen):
    many = [other(f"q{n}", 1) for n in range(2, 9)]
    screen.show(sent(item("i0", 1), left=left(*many, other("q9", None, after=True))))
    assert "7 images were skipped" in screen.said
    assert '1 in "words of q6", and in 2 more queries. Not opened yet: "words of q9".' in screen.said
    screen.show(sent(item("i0", 1), queue="Suggested", pool="s", left=left(other("q9", None))))
    screen.page.get_by_role("button", name="Go to the first one not opened").click()
    assert screen.went == [{"to": "q9"}]


def test_a_query_that_finds_nothing_has_its_keys_and_the_end(screen):
    screen.show(sent(query="q2", hasNext=True))
    screen.keys("1 m n p")
    assert screen.presses == [] and screen.went == ["next", "previous"] and "All " not in screen.said
    assert "There is no image to note" in screen.said and screen.page.locator(".grades").count() == 0
    screen.show(sent(query="q3", left=left(other("q1", 2))), anew=True)
    assert "2 images were skipped" in screen.said
    screen.show(sent(query="q3", left=left()), anew=True)
    assert "All is judged: 8 images in 3 queries." in screen.said


# ---------------------------------------------------------------- notes


@pytest.mark.parametrize("mode", ["one", "grid"])
def test_a_note_behind_the_last_image_is_that_of_the_image_judged_last(screen, mode):
    screen.show(sent(item("i0"), item("i1"), mode=mode))
    screen.keys("1 2 m")
    screen.page.keyboard.type("no, 0 1 x u n")
    screen.keys("Enter")
    last = screen.presses[-1]
    assert (last["item"], last["grade"], last["note"]) == ("i1", 2, "no, 0 1 x u n") and len(screen.presses) == 3
    assert screen.went == [] and "All is judged: 2 images in 1 query." in screen.said  # and back to the end
    screen.keys("m Escape")
    assert len(screen.presses) == 3 and "All is judged" in screen.said


def test_without_an_image_the_key_of_notes_says_so(screen):
    screen.show(sent(item("i0"), item("i1")))
    screen.keys("j j m")
    assert "There is no image to note: none is open and none is judged yet." in screen.page.get_by_role("status").inner_text()
    screen.keys("k")
    assert "There is no image to note" not in screen.said
    screen.keys("m")
    screen.page.keyboard.type("3")
    assert screen.presses == [] and screen.page.locator(".note input").input_value() == "3"


def test_letters_of_a_note_are_no_commands_when_the_screen_is_put_up_anew(screen):
    data = sent(item("i0"), item("i1"), hasNext=True)
    screen.show(data)
    screen.keys("m")
    screen.page.keyboard.type("not ")
    screen.show(data)
    screen.page.keyboard.type("red, ")
    screen.show(data, anew=True)
    screen.page.keyboard.type("x1")
    assert screen.page.locator(".note input").input_value() == "not red, x1"
    assert screen.presses == [] and screen.went == []
    screen.keys("Enter 2")
    assert [(one["grade"], one["note"]) for one in screen.presses] == [(2, "not red, x1")]
    screen.show(data, anew=True)
    screen.keys("3")  # a note that was left is left
    assert screen.presses[-1]["grade"] == 3


# ---------------------------------------------------------------- keys, order, time


@pytest.mark.parametrize("mode", ["one", "grid"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_key_does_what_the_page_says(screen, mode, width):
    screen.page.set_viewport_size({"width": width, "height": 844})
    screen.show(sent(*(item(f"i{n}") for n in range(8)), mode=mode, hasNext=True))
    screen.keys("0 1 2 3 x u")
    assert [(one["item"], one.get("grade", "-"), "undo" in one) for one in screen.presses] == [
        ("i0", 0, False), ("i1", 1, False), ("i2", 2, False), ("i3", 3, False), ("i4", None, False), ("i4", "-", True)]  # fmt: skip
    assert screen.count == "4 of 8"
    screen.keys("ArrowRight j j k ArrowLeft 1")
    assert screen.presses[-1]["item"] == "i5" and screen.count == "5 of 8"
    screen.keys("n p")
    assert screen.went == ["next", "previous"]
    for button in screen.page.locator(".grades button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= 844  # in sight, without scrolling
        assert width > 640 or box["height"] >= 44
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("mode", ["one", "grid"])
def test_what_comes_next_is_in_sight_where_a_judge_has_scrolled(screen, mode):
    page = screen.page
    page.set_viewport_size({"width": 390, "height": 700})
    shown = page.locator(".tile.here" if mode == "grid" else ".large")

    def in_sight(what):  # noqa: ANN001, ANN202
        head, box, grades = (one.bounding_box() for one in (page.locator(".head"), what, page.locator(".grades")))
        return box["y"] >= head["y"] + head["height"] - 1 and box["y"] + box["height"] <= grades["y"] + 1

    def scrolled(to):  # noqa: ANN001, ANN202
        page.evaluate("to => window.scrollTo(0, to)", to)

    screen.show(sent(*(item(f"i{n}") for n in range(8)), mode=mode))
    page.evaluate("document.body.style.padding = '300px 0 900px'")
    scrolled(800)
    screen.keys("1")
    assert in_sight(shown)
    screen.keys("j " * 7)
    assert in_sight(page.locator(".done"))
    scrolled(1_000)
    screen.show(sent(item("i8"), item("i9"), query="q2", mode=mode), anew=True)
    assert in_sight(shown)
    scrolled(1_000)
    screen.show(sent(item("i8"), item("i9"), query="q2", mode=mode), anew=True)  # a rerun does not take the page along
    assert page.evaluate("window.scrollY") > 700 and not in_sight(shown)


def test_a_thumb_can_skip_and_go_back(screen):
    screen.page.set_viewport_size({"width": 390, "height": 844})
    screen.show(sent(item("i0"), item("i1"), item("i2")))
    bar = screen.page.locator(".grades")
    assert bar.get_by_role("button", name="back").is_disabled()
    bar.get_by_role("button", name="skip").click()
    bar.get_by_role("button", name="perfect").click()
    bar.get_by_role("button", name="back").click()
    bar.get_by_role("button", name="related").click()
    assert [(one["item"], one["grade"]) for one in screen.presses] == [("i1", 3), ("i1", 1)]


def test_a_key_that_is_held_down_grades_one_image(screen):
    screen.show(sent(item("i0"), item("i1"), item("i2")))
    for _ in range(3):
        screen.page.keyboard.down("2")  # from the second time on the browser says that it repeats
    screen.page.keyboard.up("2")
    assert [one["item"] for one in screen.presses] == ["i0"]


def test_the_image_stays_when_the_order_changes_and_undo_finds_it(screen):
    screen.show(sent(item("i0"), item("i1"), item("i2"), item("i3")))
    screen.keys("1 2")
    screen.show(sent(item("i3"), item("i2"), item("i1", 2), item("i0", 1), blind=False, acked=[one["uid"] for one in screen.presses]))
    screen.keys("3")
    assert screen.presses[-1]["item"] == "i2"
    screen.keys("u u 0")
    assert [one["item"] for one in screen.presses[-3:]] == ["i2", "i1", "i1"] and screen.presses[-1]["grade"] == 0


def test_a_list_made_anew_begins_with_what_is_left(screen):
    screen.show(sent(item("i0", earlier=1), item("i1", earlier=2), queue="Disagreements"))
    assert "you gave 1 related; another judge differs" in screen.said
    screen.keys("2 2")
    assert "All is looked at again: 2 images in 1 query." in screen.said
    acked = [one["uid"] for one in screen.presses]
    screen.show(sent(item("i1", earlier=2), item("i5", earlier=0), queue="Disagreements", acked=acked))
    assert "you gave 2 relevant; another judge differs" in screen.said and screen.count == "0 of 2"
    screen.keys("u u")
    assert [one["item"] for one in screen.presses] == ["i1"]  # i0 is not here any more


def test_time_at_another_query_is_no_time_of_judging(screen):
    screen.page.clock.install()
    data = sent(item("i0"), item("i1"), item("i2"))
    screen.show(data)
    screen.page.clock.run_for(2_000)
    screen.show(data)  # a rerun takes nothing away
    screen.page.clock.run_for(1_000)
    screen.keys("2")
    assert screen.presses[-1]["ms"] == pytest.approx(3_000, abs=100)
    screen.page.clock.run_for(500)
    screen.show(sent(item("i7"), query="q2"), anew=True)
    screen.page.clock.run_for(60_000)
    screen.keys("1")
    assert screen.presses[-1]["ms"] == pytest.approx(60_000, abs=100)
    screen.page.evaluate("window.down()")
    screen.page.clock.run_for(60_000)
    screen.show(data)
    screen.page.clock.run_for(700)
    screen.keys("3")
    assert screen.presses[-1]["item"] == "i1" and screen.presses[-1]["ms"] == pytest.approx(1_200, abs=100)


@pytest.mark.parametrize("mode", ["one", "grid"])
def test_an_adjudicator_is_told_their_own_grade_on_the_image(screen, mode):
    given = [{"grade": 0, "note": ""}, {"grade": 2, "note": ""}]
    images = item("i0", given=given, own=2), item("i1", given=given), item("i2", given=given, own=None)
    screen.show(sent(*images, queue="Adjudicate", mode=mode))
    assert "you gave 2 here" in screen.said
    if mode == "grid":
        assert "you said can't tell here" in screen.said and screen.page.locator(".tile .own").count() == 2
    screen.keys("2 2 2")
    assert "All is decided: 3 images in 1 query." in screen.said
    assert (screen.page.locator(".tile .own").count() == 2) == (mode == "grid")


@pytest.mark.parametrize(("mode", "words"), [("one", "this image is not in the pool; its grade counts for the query all the same"),
                                             ("grid", "not in the pool")])
def test_an_image_that_is_not_in_the_pool_says_so(screen, mode, words):
    screen.show(sent(item("i0", outside=True, title="", found=""), mode=mode))
    assert words in screen.said
