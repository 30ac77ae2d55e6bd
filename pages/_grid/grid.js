// The card grid: pictures in justified rows, a selection that lives in the browser, and one event at a time to Python.
//
// Streamlit calls the default function once when the grid appears and again whenever new cards arrive; the DOM stays
// between the calls, so a Grid object lives on the root and is only told about the new data. File names, captions and
// tags are strangers' text: everything goes through textContent and properties, never through innerHTML.

const SIZES = [80, 110, 150, 200, 260, 340];
const GAP = 10;
const NARROW = 560;                     // below this width: two equal columns
const LONG_PRESS_MS = 450;

const ACTIONS = {
  more: { sign: "+", word: "more", title: "More like this (m)" },
  less: { sign: "\u2212", word: "less", title: "Less like this (l)" },
  open: { sign: "\u2197", word: "open", title: "Open (Enter)" },
  keep: { sign: "\u2713", word: "keep", title: "Keep" },
  remove: { sign: "\u00d7", word: "remove", title: "Move to the trash" },
};
const BAR = {
  tag: "Tag", export: "Export", collection: "New collection", judge: "Judge", search: "Search within", remove: "Delete",
};
// One tone for each term of the query, the same as on its chip.
const TONES = ["#1f8f84", "#d98324", "#5b6ee1", "#b5487a", "#6a9a3a", "#8a7a68"];
const GRADE_WORDS = ["not relevant", "related", "relevant", "perfect"];

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function remembered(fallback) {
  try { return Number(localStorage.getItem("loupe.grid.height")) || fallback; } catch { return fallback; }
}

// Whether a list is another one, rather than the same with some taken out, brought back or graded.
function isAnother(before, after) {
  const old = new Set(before), now = new Set(after);
  const stayed = before.filter((id) => now.has(id));
  return stayed.length * 2 < Math.min(before.length, after.length)
    || stayed.join("\n") !== after.filter((id) => old.has(id)).join("\n");
}

class Grid {
  constructor(root) {
    this.root = root;
    this.cards = [];
    this.nodes = [];
    this.selected = new Set();
    this.current = 0;                   // the card that has, or had last, the keyboard focus
    this.anchor = 0;                    // where a shift-range starts
    this.serial = 0;
    this.tools = make("div", "tools");
    this.list = make("div", "cards");
    this.list.setAttribute("role", "listbox");
    this.bar = make("div", "bar");
    this.bar.setAttribute("role", "toolbar");
    this.bar.setAttribute("aria-label", "Selected images");
    this.live = make("div", "live");
    this.live.setAttribute("aria-live", "polite");
    this.rule = make("div", "rule");
    this.rule.setAttribute("role", "separator");
    root.replaceChildren(this.tools, this.list, this.bar, this.live);
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    this.list.addEventListener("click", (event) => this.onClick(event));
    this.list.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    this.list.addEventListener("dragstart", (event) => this.onDragStart(event));
    this.list.addEventListener("focusin", (event) => {
      const i = this.indexOf(event);
      if (i >= 0) this.makeCurrent(i);
    });
    this.listenToTouch();
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  update(data, emit) {
    this.emit = emit;
    this.options = data;
    this.size = data.resizable ? remembered(data.height) : data.height;
    this.list.setAttribute("aria-label", data.label);
    this.list.setAttribute("aria-multiselectable", String(data.selectable));
    const before = this.cards.map((card) => card.id);
    this.cards = data.cards;
    const after = this.cards.map((card) => card.id);
    const another = before.length > 0 && isAnother(before, after);
    if (before.join("\n") !== after.join("\n")) {
      const here = new Set(this.cards.map((card) => card.id));
      this.selected = new Set([...this.selected].filter((id) => here.has(id)));
      this.current = this.anchor = 0;
    }
    const given = this.cards.map((card) => (card.parts || []).reduce((sum, [, value]) => sum + Math.abs(value), 0));
    this.mostGiven = Math.max(...given, 1e-6);
    this.nodes = this.cards.map((card, i) => this.drawCard(card, i, this.nodes[i]));
    this.list.replaceChildren(...this.nodes, this.rule);
    this.drawTools();
    this.drawSelection();
    this.layout();
    // Another page or another query begins at its first picture, not where the last one was left.
    if (another && !data.strip && this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
  }

  send(type, i, more) {
    this.serial += 1;
    const id = i === undefined || i === null ? null : this.cards[i].id;
    this.emit({ type, id, ids: id === null ? this.chosen() : [id], serial: this.serial, ...more });
  }

  chosen() {
    return this.cards.map((card) => card.id).filter((id) => this.selected.has(id));
  }

  // ------------------------------------------------------------------ drawing

  drawCard(card, i, old) {
    const shape = JSON.stringify([card, this.options.actions, this.options.selectable, i, card.parts && this.mostGiven]);
    if (old && old.loupeShape === shape) return old;        // nothing changed: the loaded picture stays where it is
    const node = make("div", "card");
    node.loupeShape = shape;
    node.dataset.index = String(i);
    node.dataset.id = card.id;
    node.setAttribute("role", "option");
    node.draggable = this.options.actions.includes("more");
    node.title = card.tip || card.title || card.id;
    const name = card.title || card.id;
    node.setAttribute("aria-label", card.rank ? `${card.rank}: ${name}` : name);

    const frame = make("div", "frame");
    const image = make("img");
    image.alt = "";
    image.loading = i < 12 ? "eager" : "lazy";
    image.decoding = "async";
    image.draggable = false;
    if (card.width && card.height) { image.width = card.width; image.height = card.height; }
    image.onerror = () => frame.replaceChild(make("span", "lost", card.title || "image not available"), image);
    image.src = card.thumb;
    frame.append(image, make("span", "tick", "\u2713"));
    if (card.badge) {
      const badge = make("button", "badge", card.badge);
      badge.dataset.action = "alike";
      badge.tabIndex = -1;
      badge.title = "Show the images that look alike";
      frame.append(badge);
    }
    if (card.hub) {
      const hub = make("span", "hub", card.demoted ? "demoted hub" : "hub");
      hub.title = card.hub;
      frame.append(hub);
    }
    if (this.options.actions.length) frame.append(this.drawActions());
    node.append(frame);
    if (card.parts) node.append(this.drawParts(card.parts));

    const foot = make("div", "foot");
    if (card.grade !== undefined && card.grade !== null) {
      const grade = make("span", `grade g${card.grade}`, String(card.grade));
      grade.title = GRADE_WORDS[card.grade] || "";
      foot.append(grade);
    }
    if (card.rank) foot.append(make("span", "rank", String(card.rank)));
    if (card.moved) {
      const moved = make("span", card.moved_up ? "moved up" : "moved", card.moved);
      moved.title = "Rank without the hub correction, and with it";
      foot.append(moved);
    }
    if (card.score) foot.append(make("span", "score", card.score));
    foot.append(make("span", "title", card.title || ""));
    node.append(foot);
    return node;
  }

  // What each term gave to the score, side by side; what was taken away stands hatched at the end.
  drawParts(parts) {
    const bar = make("div", "parts");
    const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(3)}`;
    bar.title = parts.map(([name, value]) => `${name}  ${signed(value)}`).join("\n");
    const shown = parts.map(([, value], i) => ({ value, tone: TONES[i % TONES.length] }));
    for (const { value, tone } of [...shown.filter((p) => p.value > 0), ...shown.filter((p) => p.value < 0)]) {
      const piece = make("span", value < 0 ? "part taken" : "part");
      piece.style.width = `${(100 * Math.abs(value)) / this.mostGiven}%`;
      piece.style.setProperty("--tone", tone);
      bar.append(piece);
    }
    return bar;
  }

  drawActions() {
    const actions = make("div", "actions");
    for (const name of this.options.actions) {
      if (!ACTIONS[name]) continue;
      const button = make("button", "action");
      button.dataset.action = name;
      button.tabIndex = -1;                                 // the keys m, l and Enter do the same from the card
      button.title = ACTIONS[name].title;
      button.setAttribute("aria-label", ACTIONS[name].title);
      button.append(make("span", "sign", ACTIONS[name].sign), make("span", "word", ACTIONS[name].word));
      actions.append(button);
    }
    return actions;
  }

  drawTools() {
    this.tools.replaceChildren();
    this.tools.hidden = !this.options.resizable || !this.cards.length;
    if (this.tools.hidden) return;
    const keys = ["double click opens", "shift and ctrl select more"];
    if (this.options.actions.includes("more")) keys.push("m more like it, l less");
    this.tools.append(make("span", "hint", this.options.selectable ? keys.join(" \u00b7 ") : ""));
    for (const [step, sign, word] of [[-1, "\u2212", "Smaller images (-)"], [1, "+", "Larger images (+)"]]) {
      const button = make("button", "quiet", sign);
      button.title = word;
      button.setAttribute("aria-label", word);
      button.onclick = () => this.resize(step);
      this.tools.append(button);
    }
  }

  drawSelection() {
    const n = this.selected.size;
    this.nodes.forEach((node, i) => {
      node.setAttribute("aria-selected", String(this.selected.has(this.cards[i].id)));
      node.tabIndex = i === this.current ? 0 : -1;
    });
    this.bar.hidden = n === 0 || !this.options.bar.length;
    this.live.textContent = n ? `${n} selected` : "";
    if (this.bar.hidden) return;
    this.bar.replaceChildren(make("span", "count", `${n} selected`));
    for (const name of this.options.bar) {
      const button = make("button", name === "remove" ? "act danger" : "act", BAR[name] || name);
      button.dataset.bar = name;
      button.onclick = () => this.send(name, null);
      this.bar.append(button);
    }
    const clear = make("button", "act quiet", "Clear");
    clear.title = "Clear the selection (Esc)";
    clear.onclick = () => this.select(() => this.selected.clear());
    this.bar.append(clear);
  }

  layout() {
    this.arrange();
    this.drawRule();
  }

  // A line between two pictures, laid into the gaps over the rows: no picture makes room for it. Where it falls inside a
  // row it goes under the pictures before it, up between the two, and on over the pictures after it.
  drawRule() {
    const divider = this.options.divider;
    const after = divider && !this.options.strip ? this.nodes[divider.before] : null;
    this.rule.hidden = !after;
    this.rule.replaceChildren();
    if (!after) return;
    const width = this.list.clientWidth, half = GAP / 2;
    const row = this.nodes.filter((node) => node.offsetTop === after.offsetTop);
    const top = after.offsetTop - half;
    const bottom = Math.max(...row.map((node) => node.offsetTop + node.offsetHeight)) + half;
    const x = row[0] === after ? 0 : after.offsetLeft - half;
    const put = (kind, left, at, w, h) => {
      const piece = make("span", `piece ${kind}`);
      Object.assign(piece.style, { left: `${left}px`, top: `${at}px`, width: `${w}px`, height: `${h}px` });
      this.rule.append(piece);
    };
    if (x > 0) {
      put("flat", 0, bottom - 4, x, 8);
      put("upright", x - 4, top, 8, bottom - top);
    }
    put("flat", x, top - 4, width - x, 8);
    const label = make("span", "says", divider.label);
    label.tabIndex = 0;
    label.style.top = `${Math.max(top - 10, 0)}px`;                // not over the buttons above the first row
    this.rule.append(label);
    this.rule.title = divider.title || "";
    this.rule.setAttribute("aria-label", `${divider.label}. ${divider.title || ""}`);
  }

  arrange() {
    // clientWidth is rounded: half a pixel too many, and the last picture of every row would wrap
    const width = Math.min(this.list.clientWidth, Math.floor(this.list.getBoundingClientRect().width));
    if (!width || !this.nodes.length) return;
    const aspects = this.cards.map((card) => {
      const aspect = card.width && card.height ? card.width / card.height : 1;
      return Math.min(Math.max(aspect, 0.6), 2.4);          // beyond that the picture is letter-boxed
    });
    const put = (i, w, h) => {
      this.nodes[i].style.width = `${w}px`;
      this.nodes[i].firstChild.style.height = `${h}px`;
      this.nodes[i].classList.toggle("wide", w >= 190);
    };
    if (this.options.strip) {
      aspects.forEach((aspect, i) => put(i, aspect * this.size, this.size));
      return;
    }
    if (width < NARROW) {
      const columns = Math.max(1, Math.min(3, this.size <= 110 ? 3 : this.size >= 260 ? 1 : 2));
      const w = Math.floor((width - GAP * (columns - 1)) / columns);
      const middle = [...aspects].sort((a, b) => a - b)[aspects.length >> 1];
      const h = Math.round(w / Math.min(Math.max(middle, 0.8), 1.5));
      aspects.forEach((_, i) => put(i, w, h));
      return;
    }
    let height = this.size;
    for (let start = 0; start < aspects.length;) {
      let end = start, sum = 0;
      while (end < aspects.length && sum * this.size + (end - start) * GAP < width) sum += aspects[end++];
      const room = width - (end - start - 1) * GAP - 1;
      const full = sum * this.size + (end - start - 1) * GAP >= width;
      if (full) height = room / sum;                        // the last, short row keeps the height of the one above
      for (let i = start; i < end; i++) put(i, Math.floor(aspects[i] * height * 10) / 10, Math.round(height));
      start = end;
    }
  }

  resize(step) {
    const at = SIZES.reduce((best, size, i) => (Math.abs(size - this.size) < Math.abs(SIZES[best] - this.size) ? i : best), 0);
    this.size = SIZES[Math.min(Math.max(at + step, 0), SIZES.length - 1)];
    try { localStorage.setItem("loupe.grid.height", String(this.size)); } catch { /* private mode: only for now */ }
    this.layout();
  }

  // ------------------------------------------------------------------ selection

  select(change) {
    change();
    this.drawSelection();
    if (this.options.report) this.send("select", null);
  }

  toggle(i) {
    const id = this.cards[i].id;
    if (!this.selected.delete(id)) this.selected.add(id);
  }

  range(from, to) {
    const [a, b] = from < to ? [from, to] : [to, from];
    this.selected = new Set(this.cards.slice(a, b + 1).map((card) => card.id));
  }

  makeCurrent(i) {
    this.nodes[this.current]?.setAttribute("tabindex", "-1");
    this.current = i;
    this.nodes[i].tabIndex = 0;
  }

  focus(i) {
    this.makeCurrent(i);
    this.nodes[i].focus({ preventScroll: true });
    this.nodes[i].scrollIntoView({ block: "nearest" });
  }

  indexOf(event) {
    const node = event.target.closest?.(".card");
    return node ? Number(node.dataset.index) : -1;
  }

  onClick(event) {
    const i = this.indexOf(event);
    if (i < 0) return;
    const action = event.target.closest("[data-action]")?.dataset.action;
    if (action) return this.send(action, i);
    if (this.touched) {                                     // a finger: tap opens, a long press selects
      if (this.longPressed) { this.longPressed = false; return; }
      if (!this.selected.size || !this.options.selectable) return this.send("open", i);
      return this.select(() => this.toggle(i));
    }
    this.focus(i);
    if (!this.options.selectable) return this.send("open", i);
    this.select(() => {
      if (event.shiftKey) return this.range(this.anchor, i);
      if (event.ctrlKey || event.metaKey) this.toggle(i);
      else {
        const only = this.selected.size === 1 && this.selected.has(this.cards[i].id);
        this.selected = only && event.detail < 2 ? new Set() : new Set([this.cards[i].id]);
      }
      this.anchor = i;
    });
  }

  onDoubleClick(event) {
    const i = this.indexOf(event);
    if (i < 0 || this.touched || event.target.closest("[data-action]") || !this.options.selectable) return;
    this.selected.clear();
    this.drawSelection();
    this.send("open", i);
  }

  listenToTouch() {
    let timer = 0;
    this.list.addEventListener("pointerdown", (event) => {
      this.touched = event.pointerType === "touch";
      this.longPressed = false;
      const i = this.indexOf(event);
      if (!this.touched || i < 0 || !this.options.selectable) return;
      timer = setTimeout(() => { this.longPressed = true; this.select(() => this.toggle(i)); }, LONG_PRESS_MS);
    });
    for (const name of ["pointerup", "pointercancel", "pointerleave", "pointermove"]) {
      this.list.addEventListener(name, (event) => {
        if (name !== "pointermove" || Math.abs(event.movementX) + Math.abs(event.movementY) > 4) clearTimeout(timer);
      });
    }
    this.list.addEventListener("contextmenu", (event) => { if (this.touched) event.preventDefault(); });
  }

  onDragStart(event) {
    const i = this.indexOf(event);
    if (i < 0) return;
    event.dataTransfer.setData("application/x-loupe-item", this.cards[i].id);
    event.dataTransfer.setData("text/plain", `image:${this.cards[i].id}`);
    event.dataTransfer.effectAllowed = "copy";
    const picture = this.nodes[i].querySelector("img");
    if (picture) event.dataTransfer.setDragImage(picture, 20, 20);
  }

  // ------------------------------------------------------------------ keys

  onKey(event) {
    if (!this.cards.length) return;
    const i = this.current;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = event.ctrlKey || event.metaKey;
    const can = (name) => this.options.actions.includes(name);
    if (command && key === "a" && this.options.selectable) this.select(() => this.range(0, this.cards.length - 1));
    else if (command || event.altKey) return;
    else if (key === "Escape") { if (!this.selected.size) return; this.select(() => this.selected.clear()); }
    else if (key === "Enter") this.send("open", i);
    else if (key === " " && this.options.selectable) this.select(() => { this.toggle(i); this.anchor = i; });
    else if (key === "m" && can("more")) this.send("more", i);
    else if (key === "l" && can("less")) this.send("less", i);
    else if (can("grade") && "0123x".includes(key)) this.send("grade", i, { grade: key === "x" ? null : Number(key) });
    else if ((key === "+" || key === "=") && this.options.resizable) this.resize(1);
    else if (key === "-" && this.options.resizable) this.resize(-1);
    else {
      const to = this.neighbour(key, i);
      if (to === null) return;
      this.focus(to);
      if (event.shiftKey && this.options.selectable) this.select(() => this.range(this.anchor, to));
      else this.anchor = to;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  neighbour(key, i) {
    const last = this.cards.length - 1;
    if (key === "ArrowRight") return Math.min(i + 1, last);
    if (key === "ArrowLeft") return Math.max(i - 1, 0);
    if (key === "Home") return 0;
    if (key === "End") return last;
    if (key !== "ArrowDown" && key !== "ArrowUp") return null;
    const down = key === "ArrowDown";
    const centre = (node) => node.offsetLeft + node.offsetWidth / 2;
    const top = this.nodes[i].offsetTop, x = centre(this.nodes[i]);
    const rows = this.nodes.map((node, j) => ({ j, top: node.offsetTop, away: Math.abs(centre(node) - x) }))
      .filter((other) => (down ? other.top > top + 4 : other.top < top - 4));
    if (!rows.length) return i;
    const next = down ? Math.min(...rows.map((row) => row.top)) : Math.max(...rows.map((row) => row.top));
    return rows.filter((row) => Math.abs(row.top - next) <= 4).sort((a, b) => a.away - b.away)[0].j;
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".loupe-grid");
  if (!root.loupeGrid) root.loupeGrid = new Grid(root);
  root.classList.toggle("strip", Boolean(data.strip));
  root.classList.toggle("choosing", data.actions.includes("keep"));   // what is to be decided stands there always
  root.loupeGrid.update(data, (event) => setTriggerValue("event", event));
  return () => root.loupeGrid.observer.disconnect();
}
