"""What commands say: a result as the JSON document that scripts rely on, and things as lines for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from core.search.cutoffs import KINDS
from core.types import Job, SearchResult

if TYPE_CHECKING:
    from core.encode.catalogue import Offer
    from core.workbench.cutoffs import Outcome as CutoffOutcome
    from core.workbench.encoders import SetState
    from core.workbench.hubs import HubsView
    from core.workbench.proving import Outcome


def of_search(result: SearchResult, line: str) -> dict[str, object]:
    """The document of ``search``; `line` is the query in the query language."""
    return {
        "query": line,
        "where": result.query.where,
        "k": result.k,
        "total": result.total,
        "matched": result.matched,
        "plan": result.plan,
        "ms": round(result.timings.get("total", 0.0), 3),
        "timings": {step: round(ms, 3) for step, ms in result.timings.items()},
        "generation": result.generation,
        "recipe": result.recipe,
        "space": result.space,
        "set": result.set_id,
        "hub": asdict(result.hub),
        "cutoff": None if result.cutoff is None else {**asdict(result.cutoff), "probabilities": list(result.cutoff.probabilities)},
        "warnings": list(result.warnings),
        "hits": [
            {
                "rank": hit.rank,
                **({} if hit.rank_before is None else {"rank_before": hit.rank_before}),
                **({"rank_before_at_least": True} if hit.before_at_least else {}),
                "item_id": hit.item_id,
                "score": hit.score,
                "cosine": hit.cosine,
                "file": hit.file,
                "caption": hit.caption,
                "terms": list(hit.terms),
            }
            for hit in result
        ],
    }


def of_hubs(view: HubsView) -> dict[str, object]:
    """The document of ``hubs``."""
    return {
        "k": view.k,
        "space": view.space,
        "query_side": view.query_side,
        "n_items": view.n_items,
        "n_queries": view.n_queries,
        "report": asdict(view.report),
        "hubs": [{"item_id": item.item_id, "n_k": n_k} for item, n_k in view.hubs],
    }


def lines_of_hubs(view: HubsView) -> str:
    """How unevenly items are found, and the 20 that are found most."""
    head = (f"skewness {view.report.skewness:.2f}, Robin Hood {view.report.robin_hood:.3f}, "
            f"never found {view.report.antihub_share:.1%}; {view.n_hubs:,} hubs")  # fmt: skip
    if view.is_sample:
        head += f"\na random sample of {view.n_queries:,} of {view.n_items:,} items asks, by the approximate index"
        head += "" if view.recall is None else f", which finds {view.recall:.0%} of the true 10 nearest"
    elif view.in_full >= 0:
        head += f"\nevery pair compared, {view.in_full:,} of {view.n_items:,} items in full"
        head += "" if view.in_full == view.n_items else "; for the others rough cosines and their error bound prove the same neighbours"
    return "\n".join([head, *(f"{n_k:>6}  {item.item_id}  {item.file}" for item, n_k in view.hubs[:20])])


def of_proof(outcome: Outcome, recipe: str | None) -> str:
    """What was tried, a line each, and what to do: measures in per cent with their difference, skewness of N_k, never found."""
    lines = []
    for one in (outcome.raw, *outcome.tried):
        changed = "  ".join(f"{f.name} {f.after:.1f}" + ("" if one is outcome.raw else f" {f.words}") for f in one.figures)
        graded = "" if one.graded is None else f"  Judged@10 {one.graded:.1f}"
        lines.append(f"{one.words:<26}{one.bank:<32}{changed}{graded}  skewness {one.skewness:.2f}  never found {one.antihub_share:.1%}")
    return "\n".join([*lines, outcome.sentence, *outcome.notes, *([f"Kept as the recipe {recipe}."] if recipe else [])])


def of_cutoff(outcome: CutoffOutcome) -> str:
    """For each kind of query: why this rung, a line for each way of cutting (shares in per cent), and what to use."""
    lines = []
    for part in outcome.parts:
        lines.append(f"Queries of {KINDS[part.kind]}: {part.why}")
        for one in part.account["tried"]:  # type: ignore[attr-defined]
            value = {name: float("nan") if figure["value"] is None else figure["value"] for name, figure in one["figures"].items()}
            lines.append(f"{one['kind']:<10}PR-AUC {value['pr_auc']:.3f}  P@R{100 * outcome.recall:g} {value['precision']:.1%}  "
                         f"at the cut: recall {value['recall']:.1%}, filtered {value['filtered']:.1%}, empty {value['emptied']:.1%}  "
                         f"ECE {one['ece']:.3f}")  # fmt: skip
        lines += [part.sentence, *([part.falls] if part.falls else []), *part.notes]
        if part.in_use:
            lines.append(f"Searches show the line of {part.in_use}.")
    return "\n".join([*lines, *([outcome.left_out] if outcome.left_out else [])])


def so_far(job: Job) -> str:
    """How far a job is: ``indexing 12 of 40, 9/s, 3 s left``."""
    if not job.total:
        return job.stage or job.message or job.state
    eta = "" if job.eta is None else f", {job.eta:,.0f} s left"
    if job.stage.startswith("downloading"):
        return f"{job.stage} {job.done / 1e6:,.0f} of {job.total / 1e6:,.0f} MB, {job.rate / 1e6:,.1f} MB/s{eta}"
    return f"{job.stage} {job.done:,} of {job.total:,}, {job.rate:,.0f}/s{eta}"


class Pace:
    """How far something counted is, with its rate and the seconds left: ``query 12 of 40, 9/s, 3 s left``."""

    def __init__(self, what: str, write: Callable[[str], None]) -> None:
        self._what, self._write, self._begun = what, write, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Write how far it is."""
        rate = done / max(time.monotonic() - self._begun, 1e-9)
        self._write(f"{self._what} {done:,} of {total:,}, {rate:,.0f}/s, {(total - done) / max(rate, 1e-9):,.0f} s left")


def line_of_job(job: Job) -> str:
    """A job with its number, as ``jobs`` lists it."""
    return f"{job.job_id}  {job.kind}  {job.collection}  {job.state}  {so_far(job)}"


def line_of_set(state: SetState) -> str:
    """A vector set of a collection; a star marks the one in use."""
    made = f"{'*' if state.set.active else ' '} {state.set.set_id}  {state.n_vectors:,} images"
    lacking = f"  {state.n_lacking:,} lacking" if state.n_lacking else ""
    spaces = "joint and visual space" if state.visual is not None else "joint space"
    if state.n_visual_lacking:
        lacking += f"  {state.n_visual_lacking:,} lacking in the visual space"
    return f"{made}  {state.set.engine} {state.set.precision}  {spaces}{lacking}"


def line_of_encoder(offer: Offer) -> str:
    """An encoder that can be had: whether it is here, how fast it was, its licence."""
    where = "here" if offer.here else f"{offer.n_bytes / 1e6:,.0f} MB to fetch"
    speed = f"{offer.measured.images_per_s:,.0f} images/s  " if offer.measured else ""
    return f"{offer.name}  {where}  {speed}{offer.licence}"
