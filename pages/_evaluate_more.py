"""More of the Evaluate page: queries like those trained on, hard pools, and files to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core import figures
from core.errors import LoupeError
from pages import _evaluate_state as state
from pages._evaluate_table import column_help
from pages._evaluate_unseen import unseen
from pages._search_state import plain
from pages._shared import count

if TYPE_CHECKING:
    import numpy as np

    from core.workbench import Workbench
    from core.workbench.evaluating import Outcome


def exports(wb: Workbench, found: Outcome) -> None:
    """CSV, JSON, TREC runs, the report; each is made when it is pressed."""
    service, name = wb.evaluations, f"{wb.key}-evaluation"
    with st.container(horizontal=True, gap="small"):
        st.download_button("Report (HTML)", lambda: service.report(found).encode(), file_name=f"{name}.html", mime="text/html",
                           key="evaluate_report", type="primary", icon=":material/description:", on_click="ignore",
                           help="One file with pictures and the story, for people who do not have Loupe. It opens without a "
                                "network.")  # fmt: skip
        st.download_button("CSV", lambda: service.csv(found), file_name=f"{name}.csv", mime="text/csv", key="evaluate_csv",
                           on_click="ignore",
                           help="A row for each query and recipe.")  # fmt: skip
        st.download_button("JSON", lambda: service.json(found), file_name=f"{name}.json", mime="application/json", key="evaluate_json",
                           on_click="ignore", help="Everything the table shows, and what it was made from.")  # fmt: skip
        st.download_button("TREC runs (zip)", lambda: service.runs(found), file_name=f"{name}.zip", mime="application/zip",
                           key="evaluate_runs",
                           on_click="ignore", help="Qrels, queries and a run of each recipe: ir_measures gives the same figures from "
                                                   "them; those of infAP from qrels.infAP.txt, which names what is unknown.")  # fmt: skip


def trained(wb: Workbench, found: Outcome) -> None:
    """Interpolation and extrapolation, where the encoder was adapted here."""
    seen = wb.evaluations.trained_on(found)
    if seen is None:
        return
    table, n, inside = found.table, len(found.table.queries), int(seen.inside.sum())
    with st.expander("Queries like those that the encoder was adapted on, and others", expanded=True):
        unseen(wb, found, seen.learned_from)
        st.markdown("**Queries like the training, and others.**")
        st.markdown(f"The adapted encoder was trained on {count(seen.n_images, 'image')} with {count(seen.n_texts, 'text')} of this "
                    f"collection. "
                    f"{inside:,} of the {n:,} queries {'is' if inside == 1 else 'are'} like them: {_have(seen.shares_items)} a right "
                    f"answer among those images, {_have(seen.shares_words)} all words in one of those texts. On these the figures flatter "
                    "it (interpolation); the others say how it will do on what it has not seen (extrapolation).")  # fmt: skip
        rows = []
        for recipe in table.recipes:
            for one in table.metrics:
                got = seen.gaps[recipe, one.key]
                change = "" if got.difference is None else (f"{got.difference.value:+.3f} ({got.difference.low:+.3f} to "
                                                            f"{got.difference.high:+.3f})")  # fmt: skip
                rows.append({"Recipe": recipe, "Metric": one.title, f"Like the training "
                                                                    f"({got.n_inside})": f"{got.inside:.3f}" if got.n_inside else "",
                             f"Others ({got.n_outside})": f"{got.outside:.3f}" if got.n_outside else "",
                             "Others minus like": change})  # fmt: skip
        metrics = " ".join(f"{one.title}: {one.meaning}" for one in table.metrics)
        apart = "The mean of the others minus that of those like the training, with where it would fall in 95 of 100 repetitions."
        st.dataframe(rows, hide_index=True, key="evaluate_trained",
                     column_config=column_help({"Metric": metrics, "Others minus like": apart}))  # fmt: skip
        shared = [found.named.words[query] for query, yes in zip(table.queries, seen.inside) if yes]
        if shared:
            st.caption(f"Like the training: {plain(', '.join(shared[:60]))}{' and others' if len(shared) > 60 else ''}.")


def _have(which: np.ndarray) -> str:
    n = int(which.sum())
    return f"{n:,} {'has' if n == 1 else 'have'}"


def protocols(wb: Workbench, found: Outcome) -> None:
    """The same rankings by the metrics of instance-retrieval benchmarks."""
    from core.workbench.benchmarks import benchmarks

    with st.expander("As benchmarks measure it: mAP@50, mAP@100, easy, medium, hard"):
        seen = benchmarks(wb.collection, found, people_only=bool(st.session_state.get(state.key("people"))))
        st.dataframe([{"Metric": one.name, "From": one.of, "Queries": one.n_queries,
                       **{name: None if value is None else round(value, 4) for name, value in one.values.items()}} for one in seen],
                     hide_index=True, key="evaluate_benchmarks",
                     column_config=column_help({"Metric": "\n\n".join(dict.fromkeys(one.definition for one in seen)),
                                                "Queries": "Queries that count: those with a right answer."}))  # fmt: skip
        for text in dict.fromkeys(one.definition for one in seen):
            st.caption(text)
        if found.kept.depth < 100:
            st.caption(f"mAP@100 needs rankings of 100 hits; these have {found.kept.depth:,}. Run again with more.")


_POOLS = {
    "Other images": "Images in the pool besides the caption's own.",
    "R@1, random": "Share of the captions whose own image comes first, the others of the pool drawn at random.",
    "R@1, most similar": "The same, the others being those most like the caption's own image.",
    "Gap": "R@1 among random images minus R@1 among similar ones.",
}


def pools(wb: Workbench) -> None:
    """Hard pools and random pools."""
    with st.expander("Is it really fine-grained? Captions among look-alikes"):
        st.markdown("Each caption must pick its own image out of a pool: of random images, then of the images most like its own. The gap "
                    "is what an "
                    "average hides. Near-duplicates are in no pool.")  # fmt: skip
        said = wb.evaluations.pools()
        if said is not None:
            rows = said["rows"]
            st.plotly_chart(figures.pool_curve([f"{k:,}" for k, _, _ in rows], [hard for _, hard, _ in rows],
                                               [other for _, _, other in rows],
                                               dark=st.context.theme.type == "dark"),
                            key="evaluate_pools", config={"displayModeBar": False})  # fmt: skip
            st.dataframe([{"Other images": f"{k:,}", "R@1, random": f"{other:.1%}", "R@1, most similar": f"{hard:.1%}",
                           "Gap": f"{100 * (other - hard):.1f} points"} for k, hard, other in rows], hide_index=True,
                         column_config=column_help(_POOLS))  # fmt: skip
            st.caption(f"{said['captions']:,} captions, {said['images']:,} images; encoder {plain(str(said['encoder']))}, which also "
                       f"says what is similar; "
                       f"seed {said['seed']}." + (" Images have changed since." if said["stale"] else ""))  # fmt: skip
        busy = (job := wb.evaluations.job()) is not None and job.live
        st.button("Measure again" if said is not None else "Measure", key="evaluate_pools_start", disabled=busy, on_click=_start,
                  args=(wb,))
        if wrong := st.session_state.pop("evaluate_pools_wrong", ""):
            st.error(plain(wrong))


def _start(wb: Workbench) -> None:
    try:
        wb.evaluations.start_pools()
    except LoupeError as error:
        st.session_state["evaluate_pools_wrong"] = str(error)
