"""The query box, and the line under it: what was found, in which order, by which recipe, and where it can go."""

from __future__ import annotations

import random

import streamlit as st

from core.query.parse import QUERY_HELP
from core.search.recipes import AD_HOC, DESCRIPTIONS, describe, recipe, recipes
from core.types import HubSetting, Query, SearchResult
from core.workbench import Workbench
from pages import _search_dialogs as dialogs
from pages import _search_state as link
from pages import _search_undo as undo
from pages._hub_control import hub_control, named
from pages._search_chips import MAX_UPLOAD, add_upload
from pages._search_results import SORTS, all_that_match, summary

RECIPES = {"plain": "every image", "folded": "look-alikes folded", "sum": "terms not centred", "joint-only": "images by meaning",
           "hubs-corrected": "hubs held back"}
SUMMARY = ("Images that match, of all; how they were found; how long that took. Words are compared with images by meaning (the "
           "joint space), images alone by looks (the visual space), where there is one; *images by meaning* turns that off.")
_IMAGE = "search_image"
K_CHOICES = (20, 40, 100, 200, 500)
IMAGE_TYPES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "jp2", "heic"]


def query_box(workbench: Workbench) -> None:
    """One box for the whole query, a button, and the door for an image."""
    message = st.session_state.pop("search_message", None)
    st.session_state["search_box"] = str(link.state()["q"])
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input("Search", key="search_box", label_visibility="collapsed", type="search",
                      icon=":material/search:", placeholder='Words such as  red car -night,  or paste or drop an image',
                      on_change=lambda: link.put(q=str(st.session_state["search_box"]).strip(), item=""))
        st.button("Search", type="primary", key="search_go")
        with st.popover("Image", icon=":material/add_photo_alternate:", key=_IMAGE, on_change="rerun"):
            _uploader(workbench)
    if message:
        st.info(message)


def _uploader(workbench: Workbench) -> None:
    turn = st.session_state.setdefault("search_upload_turn", 0)  # a new key empties the uploader

    def take() -> None:
        wrong = [add_upload(workbench, file.getvalue()) for file in st.session_state.get(f"search_upload_{turn}") or ()]
        st.session_state["search_upload_turn"] = turn + 1
        st.session_state["search_upload_wrong"] = [text for text in wrong if text]
        st.session_state[_IMAGE] = any(wrong)  # it stands in front of the pictures: once it has served it goes

    st.file_uploader("Search with an image of yours", type=IMAGE_TYPES, accept_multiple_files=True, on_change=take,
                     key=f"search_upload_{turn}", max_upload_size=MAX_UPLOAD // 2**20,
                     help="It is kept beside the collection, so that the link shows the same; it does not join it.")
    for text in st.session_state.pop("search_upload_wrong", ()):
        st.error(link.plain(text))


def _recent(workbench: Workbench) -> None:
    seen: dict[tuple[str, str], str] = {}
    for logged in workbench.collection.searches(60):
        if logged.query.terms or logged.query.literals:
            seen.setdefault((link.render(logged.query), logged.query.where), in_words(logged.query))
    if not seen:
        return
    st.caption("Searched lately")
    with st.container(gap="xxsmall"):
        for i, ((text, where), words) in enumerate(list(seen.items())[:7]):
            st.button(link.plain(words[:70]), key=f"search_recent_{i}", type="tertiary",
                      on_click=lambda q=text, w=where: link.put(q=q, where=w, item=""))


def in_words(query: Query) -> str:
    """A query as a person would say it: ``red car - night + an image, where colour = 'red'``."""
    said = []
    for term in query.terms:
        name = {"item": "an image from here", "upload": "an image of mine"}.get(term.kind, term.value)
        weight = "" if abs(term.weight) == 1 else f" \u00d7{abs(term.weight):g}"
        said += ["-" if term.weight < 0 else "+", name + weight]
    said += [f'{"not " * match.negated}{match.field} "{match.value}"' for match in query.literals]
    text = " ".join(said).removeprefix("+ ")
    return f"{text}, where {query.where}" if query.where else text


def toolbar(workbench: Workbench, query: Query, result: SearchResult) -> None:
    """What was found, and the choices about it."""
    values = link.state()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="search_toolbar"):
        st.text(summary(result), width="stretch", help=SUMMARY)
        if query.terms:
            chosen = str(values["recipe"])
            options = {name: RECIPES.get(name, name) for name in recipes(workbench.collection)}
            if chosen not in options:
                base, hub = chosen.rpartition(f"+{AD_HOC}")[0], named(recipe(workbench.collection, chosen).hub)
                options[chosen] = f"{RECIPES.get(base, base)}, {hub}" if base else hub
            _choice("Recipe", "recipe", options, 150,
                    "\n\n".join(f"**{RECIPES.get(name, name)}**: {text}" for name, text in DESCRIPTIONS.items()))
            _hubs(workbench, chosen)
            st.button("Judge", key="search_judge", on_click=dialogs.ask, args=("judge",),
                      help="Say how well each result answers this query.")  # fmt: skip
            options = sorted({*K_CHOICES, int(values["k"])})
            _choice("Results", "k", {k: f"best {k}" for k in options}, 120)
        else:
            _choice("Order", "sort", SORTS, 200)
        with st.popover("Export", key="search_export"):
            _export(workbench, result)
        with st.popover("Link", key="search_link"):
            st.caption("Shows the same to anybody who can open this collection.")
            st.code(link.full_link(workbench.key, result.generation), language=None, wrap_lines=True)
        with st.popover("Help", type="tertiary", key="search_help"):
            st.markdown(QUERY_HELP.replace("\n", "\n\n"))
            _recent(workbench)


def _hubs(workbench: Workbench, chosen: str) -> None:
    """The hub correction of the recipe; another one in its place is a recipe of its own, which the link describes."""
    now = recipe(workbench.collection, chosen)

    def changed(setting: HubSetting) -> None:
        link.put(recipe=describe(setting, now), item="")
    with st.popover("Hubs", key="search_hubs"):
        hub_control(workbench, now.hub, changed, key="search_hub")


def _choice(label: str, name: str, options: dict, width: int, help: str | None = None) -> None:
    key = f"search_{name}"
    now = link.state()[name]
    if name == "sort":
        now = str(now).partition(":")[0]
    st.session_state[key] = now if now in options else next(iter(options))

    def changed() -> None:
        value = st.session_state[key]
        if value == "random":
            value = f"random:{random.randrange(1000)}"  # the seed stands in the link, so the order is kept
        link.put(**{name: value, "item": ""})

    st.selectbox(label, list(options), format_func=lambda value: options[value], key=key, on_change=changed,
                 label_visibility="collapsed", width=width, help=help)


def _export(workbench: Workbench, result: SearchResult) -> None:
    if not len(result):
        st.caption("There is nothing to export.")
    elif result.query.terms:
        st.caption(f"The {undo.counted(len(result))} listed, with rank and score.")
        dialogs.export_buttons(workbench, lambda: result, "hits")
    else:
        st.caption(f"All {undo.counted(result.matched)} that match.")
        dialogs.export_buttons(workbench, lambda: all_that_match(workbench, result), "images")
