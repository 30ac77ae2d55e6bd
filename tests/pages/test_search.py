"""The Search page in the frame: its query as text, chips and link; filters, paging, detail, and what is said when
there is nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.jobs import Queue
from core.jobs.worker import run_here
from core.store import Collection
from core.types import Skipped
from pages._search_state import plain
from tests.worlds import add_visual, colour_world

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app() -> AppTest:
    from pages import _shared

    _shared.collections_changed()
    return AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)


@pytest.fixture
def wb(tmp_path):
    return colour_world(tmp_path / "images")


def framed(app: AppTest, **link: str) -> AppTest:
    for name, value in link.items():
        app.query_params[name] = value
    app.switch_page("pages/search.py").run()
    assert not app.exception
    assert app.container(key="frame")  # the page stands in the frame, not alone
    return app


def component(app: AppTest, key: str) -> dict:
    """What a component of our own was given."""
    return next(json.loads(one.proto.json) for one in app.get("bidi_component") if one.key == key)


def cards(app: AppTest) -> list[dict]:
    return component(app, "search_grid")["cards"]


def chips(app: AppTest) -> list[tuple[str, float]]:
    return [(chip["label"], chip["weight"]) for chip in component(app, "search_chips")["terms"]]


def said(app: AppTest) -> list[str]:
    kinds = (app.text, app.caption, app.info, app.error, app.markdown, app.subheader)
    return [one.value for kind in kinds for one in kind]


def search(app: AppTest, text: str) -> AppTest:
    app.text_input(key="search_box").set_value(text).run()
    assert not app.exception
    return app


# ---------------------------------------------------------------- browsing


def test_without_a_collection_the_page_says_where_to_go(app):
    framed(app)
    assert "No collection yet" in [one.value for one in app.subheader]


def test_a_collection_of_files_that_could_not_be_read_says_which_and_why(app):
    collection = Collection.create("Mine")
    collection.commit(skipped=[Skipped("a.jpg", "not an image"), Skipped("b*c*.jpg", "not an image")])
    framed(app, c=collection.key)
    assert "No image could be read" in [one.value for one in app.subheader]
    assert "2 files skipped. b\\*c\\*\\.jpg: not an image. Home has the others and their reasons." in said(app)


def test_nothing_asked_shows_everything_by_name(app, wb):
    framed(app)
    shown = cards(app)
    assert [card["title"] for card in shown[:2]] == ["a red circle", "a green circle"]
    assert len(shown) == 36
    assert (shown[0]["width"], shown[0]["height"]) == (64, 64)
    assert "rank" not in shown[0] and "score" not in shown[0]
    assert any(text.startswith("36 of 36 · exact · ") for text in said(app))


def test_pages_of_everything_stand_in_the_link(app, tmp_path):
    wb = colour_world(tmp_path / "many", 60)
    framed(app)
    assert len(cards(app)) == 48
    app.pagination[0].set_value(2).run()
    assert app.query_params["page"] == "2"
    assert [card["id"] for card in cards(app)] == [hit.item_id for hit in wb.items.browse(limit=48, offset=48)]
    search(app, "red")
    assert "page" not in app.query_params  # another search begins on its first page


def test_a_random_order_keeps_its_seed_in_the_link(app, wb):
    framed(app)
    app.selectbox(key="search_sort").set_value("random").run()
    first, link = [card["id"] for card in cards(app)], app.query_params["sort"]
    assert link.startswith("random:")
    assert sorted(first) == sorted(wb.items.browse().item_ids)
    again = framed(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), sort=link)
    assert [card["id"] for card in cards(again)] == first


# ---------------------------------------------------------------- the query


def test_a_typed_query_ranks_and_stands_in_chips_and_link(app, wb):
    framed(app)
    search(app, "red^2 -blue")
    assert chips(app) == [("red", 2.0), ("blue", -1.0)]
    assert app.query_params["q"] == "red^2 -blue"
    expected = wb.search("red^2 -blue", k=40)
    assert [card["id"] for card in cards(app)] == list(expected.item_ids)
    assert cards(app)[0]["title"].startswith("a red")
    assert cards(app)[0]["rank"] == 1
    assert cards(app)[0]["score"] == f"{expected[0].score:.3f}".replace("0.", ".", 1)
    assert any("36 of 36" in text and "exact" in text and "ms" in text for text in said(app))


def test_a_link_shows_its_query_on_the_first_visit(app, wb):
    red = wb.items.browse().item_ids[0]
    framed(app, q=f"image:{red} -blue", where="colour in ('red', 'blue', 'green')", k="20")
    assert app.text_input(key="search_box").value == f"image:{red} -blue"
    assert chips(app) == [("a red circle", 1.0), ("blue", -1.0)]
    assert component(app, "search_chips")["terms"][0]["thumb"].endswith(f"/api/thumb/colours/{red}")
    ids = [card["id"] for card in cards(app)]
    assert red not in ids  # a reference is left out of its own hits
    assert ids == list(wb.search(f"image:{red} -blue", k=20, where="colour in ('red', 'blue', 'green')").item_ids)


def test_what_images_were_compared_by_is_said(app, wb):
    def line() -> str:
        return next(text for text in said(app) if " ms" in text)

    first, second = wb.items.browse().item_ids[:2]
    framed(app, q=f"image:{first}", k="20")
    assert " · by meaning · exact · " in line()  # vectors of before there was a visual space
    add_visual(wb, leave_out=1)
    search(app, f"image:{first} -image:{second}")
    assert " · by meaning · exact · " in line()
    assert plain("Compared by meaning, not by looks: 1 image has no vector in the visual space yet.") in said(app)
    add_visual(wb)
    search(app, f"image:{first}")
    assert " · by looks · exact · " in line() and not any("Compared by meaning" in text for text in said(app))
    assert [card["id"] for card in cards(app)] == list(wb.search(f"image:{first}", k=20).item_ids)
    search(app, f"image:{first} blue")
    assert " · by meaning · " in line()
    search(app, "blue")
    assert " · by " not in line()
    search(app, f"image:{first}")
    app.selectbox(key="search_recipe").set_value("joint-only").run()
    assert not app.exception
    assert " · by meaning · " in line() and app.query_params["recipe"] == "joint-only"
    assert [card["id"] for card in cards(app)] == list(wb.search(f"image:{first}", k=20, recipe="joint-only").item_ids)


def test_a_hub_correction_is_chosen_shown_and_stands_in_the_link(app, wb):
    framed(app, q="red blue", k="20")
    assert not any("moved" in card for card in cards(app)) and not app.get("select_slider")
    app.selectbox(key="search_hub_method").set_value("is").run()
    assert not app.exception
    assert app.query_params["recipe"] == "hub:is:20:auto" and any(" · corrected by captions · " in text for text in said(app))
    app.select_slider(key="search_hub_beta").set_value(5.0).run()
    app.selectbox(key="search_hub_bank").set_value("captions").run()
    assert not app.exception and app.query_params["recipe"] == "hub:is:5:captions"
    result = wb.search("red blue", k=20, recipe="hub:is:5:captions")
    assert [card["id"] for card in cards(app)] == list(result.item_ids)
    for card, hit in zip(cards(app), result, strict=True):
        assert card["parts"][-1] == ["hub correction", round(hit.terms[-1], 4)]
        moved = f"{hit.rank_before} \u2192 {hit.rank}" if hit.rank_before != hit.rank else None
        assert card.get("moved") == moved
    assert any("moved" in card for card in cards(app))
    # Lines pasted by hand become a bank with a name.
    app.text_input(key="search_hub_name").set_value("mine")
    app.text_area(key="search_hub_lines").set_value("red\ngreen\ngrey")
    app.button("FormSubmitter:search_hub_form-Keep and use").click().run()
    assert not app.exception and app.query_params["recipe"] == "hub:is:5:list:mine"
    assert app.selectbox(key="search_recipe").value == "hub:is:5:list:mine"
    app.selectbox(key="search_recipe").set_value("plain").run()
    assert not app.exception and "recipe" not in app.query_params and not any("moved" in card for card in cards(app))
    # What else a recipe does goes on.
    app.selectbox(key="search_recipe").set_value("folded").run()
    app.selectbox(key="search_hub_method").set_value("csls").run()
    assert not app.exception and app.query_params["recipe"] == "folded+hub:csls:20:auto"
    assert "look-alikes folded, CSLS" in app.selectbox(key="search_recipe").options[-1]
    app.selectbox(key="search_hub_method").set_value("none").run()
    assert not app.exception and app.query_params["recipe"] == "folded"


def test_the_panel_of_an_image_says_where_a_correction_moved_it(app, wb):
    result = wb.search("red blue", k=20, recipe="hub:is:5:captions")
    hit = next(hit for hit in result if hit.rank_before != hit.rank)
    framed(app, q="red blue", k="20", recipe="hub:is:5:captions", item=hit.item_id)
    assert any(f"({hit.rank_before} \u2192 {hit.rank}, " in text for text in said(app))


def test_a_correction_by_a_list_that_is_gone_can_be_taken_off(app, wb):
    framed(app, q="red", k="20", recipe="hub:is:5:list:gone")
    assert not app.exception
    app.button(key="search_no_recipe").click().run()
    assert not app.exception and len(cards(app)) == 20 and dict(app.query_params).get("q") and "recipe" not in app.query_params


def test_what_is_said_about_a_search_is_not_read_as_markup(app, wb, monkeypatch):
    from core.errors import EncoderError

    def gone(*_, **__):
        raise EncoderError("no [weights](http://evil) in *here*")

    monkeypatch.setattr("core.search.engine.prepare", gone)
    framed(app, q="red", k="20", recipe="hub:is:5:captions")
    (caption,) = [text for text in said(app) if "left off" in text]
    assert "\\[weights\\]\\(http" in caption and "\\*here\\*" in caption and len(cards(app)) == 20


def test_a_large_correction_is_left_to_the_worker(app, wb, monkeypatch):
    monkeypatch.setattr("core.jobs.ensure_worker", lambda home=None: False)
    monkeypatch.setattr("core.search.correction.AT_ONCE", 10)
    framed(app, q="red", k="20", recipe="hub:is:5:captions")
    assert any("correction is being prepared" in text for text in said(app)), said(app)
    (job,) = Queue().jobs(wb.key, live=True)
    assert (job.kind, job.args["bank"]) == ("correct", "captions")
    app.run()
    assert len(Queue().jobs(wb.key, live=True)) == 1, "it is queued once"
    run_here(Queue(), job.job_id)
    app.run()
    assert not app.exception and any(" · corrected by captions · " in text for text in said(app))


def test_k_is_exact_and_out_of_range_numbers_are_mended(app, wb):
    framed(app, q="red", k="20")
    assert len(cards(app)) == 20
    assert any("best 20 shown" in text for text in said(app))
    again = framed(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), q="red", k="never", page="9000")
    assert len(cards(again)) == 36  # there are fewer than the default of 40


@pytest.mark.parametrize(("text", "column"), [('car "red', 4), ("red^x", 4), ("colr:red", 0)])
def test_a_query_that_cannot_be_read_has_a_caret_under_the_place(app, wb, text, column):
    framed(app)
    search(app, text)
    assert app.error
    assert app.code[0].value == f"{text}\n{' ' * column}^"
    assert app.text_input(key="search_box").value == text  # it can be mended where it stands
    search(app, "red")
    assert not app.error


def test_a_filter_that_cannot_be_read_is_said_with_its_place(app, wb):
    framed(app, q="red", where="colour = ")
    assert app.error
    assert app.code[0].value.splitlines()[1].index("^") == len("colour = ") or "^" in app.code[0].value


def test_text_of_strangers_is_data_not_markup(app, wb):
    item = wb.items.browse().item_ids[0]
    wb.collection.set_captions(item, ['<img src=x onerror="alert(1)"> [x](javascript:1)'])
    framed(app, item=item)
    assert cards(app)[0]["title"] == '<img src=x onerror="alert(1)"> [x](javascript:1)'
    for element in app.get("html"):
        assert "<img src=x" not in element.proto.body


def test_an_upload_becomes_a_term_that_the_link_reproduces(app, wb):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (220, 30, 30)).save(buffer, "PNG")
    framed(app)
    uploader = next(one for one in app.file_uploader if one.key.startswith("search_upload"))
    uploader.upload("mine.png", buffer.getvalue(), "image/png").run()
    assert not app.exception
    link = app.query_params["q"]
    assert link.startswith("upload:")
    assert wb.collection.upload_path(link.removeprefix("upload:")).is_file()
    assert cards(app)[0]["title"].startswith("a red")
    again = framed(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), q=link)
    assert [card["id"] for card in cards(again)] == [card["id"] for card in cards(app)]
    assert app.session_state["search_image"] is False  # the uploader does not stay in front of the pictures
    thumb = component(again, "search_chips")["terms"][0]["thumb"]
    assert thumb.endswith(link.replace("upload:", "/api/upload/colours/"))


def test_a_file_that_is_no_image_is_said_to_be_none(app, wb):
    framed(app)
    uploader = next(one for one in app.file_uploader if one.key.startswith("search_upload"))
    uploader.upload("notes.png", b"these are words", "image/png").run()
    assert any("cannot be used as a query" in text for text in said(app))
    assert app.session_state["search_image"] is True  # what is wrong is said where the file was given
    assert "q" not in app.query_params


# ---------------------------------------------------------------- filters


def test_a_choice_becomes_filter_text_and_back(app, wb):
    app.session_state["search_filters"] = True
    framed(app, q="red")
    colour = app.multiselect(key="search_facet_colour")
    assert "red (3)" in colour.options
    colour.set_value(["blue", "red"]).run()
    assert app.query_params["where"] == "colour in ('blue', 'red')"
    assert app.text_input(key="search_where").value == "colour in ('blue', 'red')"
    assert any(text.startswith("6 of 36 · ") for text in said(app))
    assert len(cards(app)) == 6
    app.text_input(key="search_where").set_value("colour = 'green' and number >= 10").run()
    assert app.multiselect(key="search_facet_colour").value == ["green"]
    assert app.slider(key="search_facet_number").value[0] == 10
    assert {card["title"].split()[1] for card in cards(app)} == {"green"}
    app.button(key="search_where_none").click().run()
    assert "where" not in app.query_params
    assert len(cards(app)) == 36


def test_what_was_tagged_is_named_beside_its_undo(app, wb):
    """The line still stands when the next image is shown, so it says which one it is about."""
    item = wb.items.browse().item_ids[0]
    framed(app, item=item)
    app.multiselect(key=f"search_item_tags_{item}").set_value(["seen"]).run()
    name = wb.items.get(item).file.rsplit("/", 1)[-1]
    assert f"{name}: tagged seen" in said(app)
    assert wb.items.get(item).tags == ("seen",)


def test_every_condition_of_the_filter_is_a_chip_and_the_panel_keeps_its_name(app, wb):
    """Streamlit folds an expander whose label changes: choosing a second value would need opening it again."""
    framed(app, q="red")
    assert app.expander[0].label == "Filters"
    framed(app, where="colour in ('red', 'blue') and not number > 30")
    assert app.expander[0].label == "Filters"
    assert component(app, "search_chips")["filters"] == ["colour in ('red', 'blue')", "not number > 30"]


def test_a_card_shows_what_each_of_several_terms_gave(app, wb):
    framed(app, q="red -blue^0.5")
    hits = wb.search("red -blue^0.5", k=40)
    for card, hit in zip(cards(app), hits, strict=True):
        assert [name for name, _ in card["parts"]] == ["red", "\u2212 blue"]
        assert sum(part for _, part in card["parts"]) == pytest.approx(hit.score, abs=2e-4)
    framed(app, q="red")
    assert "parts" not in cards(app)[0]  # one term gave all of it


def test_a_range_leaves_other_conditions_as_they_are(app, wb):
    app.session_state["search_filters"] = True
    framed(app, where="not colour = 'red' and number <= 20")
    low, high = app.slider(key="search_facet_number").min, app.slider(key="search_facet_number").max
    assert (low, high) == (0, 35) or high == 20
    app.slider(key="search_facet_number").set_value((3, 9)).run()
    assert app.query_params["where"] == "number >= 3 and number <= 9 and not colour = 'red'"


def test_nothing_left_says_which_condition_to_relax(app, wb):
    framed(app, q="red", where="colour = 'red' and number > 30")
    assert any("The filter leaves 0 of 36 images" in text for text in said(app))
    buttons = {button.key: button for button in app.button if str(button.key).startswith("search_relax")}
    assert ": 3" in buttons["search_relax_0"].label or ": 5" in buttons["search_relax_0"].label
    buttons["search_relax_1"].click().run()
    assert app.query_params["where"] == "colour = 'red'"
    assert len(cards(app)) == 3


# ---------------------------------------------------------------- detail, dialogs, links


def test_an_open_item_shows_why_it_was_found_and_what_is_near(app, wb):
    hit = wb.search("red -blue", k=5)[1]
    framed(app, q="red -blue", item=hit.item_id)
    html = "".join(element.proto.body for element in app.get("html"))
    assert f"/api/full/colours/{hit.item_id}" in html
    for part in hit.terms:
        assert f"{part:+.3f}" in html
    assert f"rank 2 · score {hit.score:.4f}" in " ".join(said(app))
    near = component(app, "search_item_near")["cards"]
    assert [card["id"] for card in near] == [item.item_id for item, _ in wb.items.neighbours(hit.item_id, 12)]
    assert any("other images" in text for text in said(app))  # N_k
    app.button(key="search_item_next").click().run()
    assert app.query_params["item"] == wb.search("red -blue", k=5)[2].item_id


def test_an_item_becomes_the_query(app, wb):
    item = wb.items.browse().item_ids[0]
    framed(app, q="blue", item=item)
    app.button(key="search_item_less").click().run()
    assert app.query_params["q"] == f"blue -image:{item}"
    assert "item" not in app.query_params


def test_tags_of_an_item_are_added_taken_away_and_undone(app, wb):
    item = wb.items.browse().item_ids[0]
    framed(app, item=item)
    key = f"search_item_tags_{item}"
    app.multiselect(key=key).set_value([]).run()
    wb.items.tag([item], "kept", "me")
    app.run()
    assert app.multiselect(key=key).value == ["kept"]
    app.multiselect(key=key).set_value([]).run()
    assert wb.items.get(item).tags == ()
    app.button(key="search_undo_item_press").click().run()
    assert wb.items.get(item).tags == ("kept",)


def test_deleting_goes_to_the_trash_and_comes_back(app, wb):
    item = wb.items.browse().item_ids[0]
    framed(app, item=item)
    app.button(key="search_item_delete").click().run()
    assert not app.exception
    assert item not in [card["id"] for card in cards(app)]
    app.button(key="search_undo_page_press").click().run()
    assert item in [card["id"] for card in cards(app)]


def test_a_link_of_another_generation_says_so(app, wb):
    framed(app, q="red", g="1")
    assert not [text for text in said(app) if "generation" in text] or wb.generation != 1
    again = framed(AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60), q="red", g=str(wb.generation + 5))
    assert any(f"generation {wb.generation + 5}" in text for text in said(again))


def test_an_item_that_is_gone_is_said_to_be_gone(app, wb):
    framed(app, item="inothere")
    assert any("inothere" in text for text in said(app))


def test_a_recipe_that_is_not_there_is_said_and_can_be_left(app, wb):
    framed(app, q="red", recipe="fancy")
    assert any("fancy" in text for text in said(app))
    app.button(key="search_reset").click().run()
    assert not app.error
    assert "recipe" not in app.query_params


def test_the_query_is_judged_from_its_results_without_a_selection(app, wb):
    framed(app, q="red -blue")
    app.button(key="search_judge").click().run()
    assert not app.exception and app.title[0].value == "Judge" and app.session_state["judge_set"] == "From search"
    assert [one.text for one in wb.querysets.get("From search").queries] == ['red -"blue"']
