// The map: points drawn with WebGL, a lasso or box around them, the picture under the pointer.
//
// Python sends one block of bytes (see points.py) and gets back a selection {polygon, hidden} in the same coordinates,
// or the id of a point that was opened. What is selected is decided in Python over all items; the mask computed here
// only lights up the points that are drawn. Labels and ids are strangers' text: textContent and properties only.

const HOVER_PX = 14;
const TOOLS_PX = 44;                    // the map starts below its tools
const MOVED_PX = 4;                     // a press that moves less is a click
const MAX_CORNERS = 64;
const MODES = { pan: "Move (v)", lasso: "Lasso (l)", box: "Box (b)" };

class MapView {
  constructor(root) {
    this.root = root;
    this.mode = "lasso";
    this.hidden = new Set();
    this.polygon = null;                // the selection, in map coordinates
    this.draft = null;                  // the one being drawn
    this.hover = -1;
    this.pointers = new Map();
    this.pictures = new Pictures(() => this.redraw());
    this.stage = make("div", "stage");
    this.under = make("canvas", "points");
    this.over = make("canvas", "over");
    this.over.tabIndex = 0;
    this.over.dataset.testid = "map-canvas";
    this.over.setAttribute("role", "application");
    this.tools = make("div", "tools");
    this.legend = make("div", "legend");
    this.legend.dataset.testid = "map-legend";
    this.card = make("div", "card");
    this.card.dataset.testid = "map-hover";
    this.card.hidden = true;
    this.status = make("div", "status");
    this.status.dataset.testid = "map-status";
    this.stage.append(this.under, this.over, this.tools, this.card);
    root.replaceChildren(this.stage, this.legend, this.status);
    this.painter = new Painter(this.under);
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.stage);
  }

  // ------------------------------------------------------------------ data

  update(bytes, emit) {
    this.emit = emit;
    const data = decode(bytes);
    if (data.head.stamp === this.data?.head.stamp) return;
    const before = this.data?.head;
    const sameMap = before?.map === data.head.map;
    this.data = data;
    this.index = new Index(data.xy);
    this.hover = -1;
    this.over.setAttribute("aria-label", `Map of ${data.head.total} images. Arrow keys move it, plus and minus zoom, Escape clears.`);
    if (!sameMap || before?.by !== data.head.by) this.hidden.clear();
    if (!sameMap) { this.polygon = data.head.selection?.polygon ?? null; this.view = null; }
    if (before === undefined) {
      this.showPictures = data.head.pictures;
      for (const code of data.head.selection?.hidden ?? []) this.hidden.add(code);
      this.mode = data.head.mode ?? "lasso";
    }
    this.palette();
    this.mark();           // counts what is chosen, which the legend shows
    this.drawTools();
    this.drawLegend();
    this.resize();
  }

  palette() {
    const ground = getComputedStyle(this.root).getPropertyValue("--st-background-color");
    this.dark = luminance(ground) < 0.5;
    this.colours = this.dark ? this.data.head.coloursDark : this.data.head.colours;
  }

  mark() {
    const { xy, code, state } = this.data;
    this.chosen = new Array(this.colours.length).fill(0);
    for (let i = 0; i < state.length; i += 1) {
      const inside = this.polygon && !this.hidden.has(code[i]) && within(xy[2 * i], xy[2 * i + 1], this.polygon);
      state[i] = this.polygon ? (inside ? 1 : 2) : 0;
      if (inside) this.chosen[code[i]] += 1;
    }
    this.painter.load(this.data);
  }

  // ------------------------------------------------------------------ view

  resize() {
    if (!this.data) return;
    const box = this.stage.getBoundingClientRect();
    if (!box.width || !box.height) return;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [this.under, this.over]) {
      canvas.width = Math.round(box.width * this.ratio);
      canvas.height = Math.round(box.height * this.ratio);
    }
    this.width = box.width;
    this.height = box.height;
    if (!this.view || !this.touched) this.fit(this.data.head.focus); else this.redraw();
  }

  fit(focus = 0) {
    const whole = this.around(this.data.code.length);
    const part = focus ? this.around(focus) : whole;
    this.touched = false;
    const scale = Math.min(part.scale, whole.scale * 40);
    this.view = { x: part.x, y: part.y + TOOLS_PX / scale / 2, scale, first: whole.scale };
    this.redraw();
  }

  around(n) {                            // the middle of the first n points, and the scale at which all of them are seen
    const { xy } = this.data;
    let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < 2 * n; i += 2) {
      left = Math.min(left, xy[i]); right = Math.max(right, xy[i]);
      low = Math.min(low, xy[i + 1]); high = Math.max(high, xy[i + 1]);
    }
    if (!(right >= left)) [left, right, low, high] = [0, 1, 0, 1];
    const pad = this.data.head.focus ? 120 : this.data.head.pictures ? 70 : 36;
    const scale = Math.min((this.width - pad) / Math.max(right - left, 1e-3), (this.height - pad - TOOLS_PX) / Math.max(high - low, 1e-3));
    return { x: (left + right) / 2, y: (low + high) / 2, scale };
  }

  toScreen(x, y) {
    return [(x - this.view.x) * this.view.scale + this.width / 2, this.height / 2 - (y - this.view.y) * this.view.scale];
  }

  toMap(sx, sy) {
    return [(sx - this.width / 2) / this.view.scale + this.view.x, (this.height / 2 - sy) / this.view.scale + this.view.y];
  }

  zoom(factor, sx = this.width / 2, sy = this.height / 2) {
    this.touched = true;
    const [x, y] = this.toMap(sx, sy);
    const scale = Math.min(Math.max(this.view.scale * factor, this.view.first / 4), this.view.first * 400);
    const ratio = this.view.scale / scale;
    this.view.x = x + (this.view.x - x) * ratio;
    this.view.y = y + (this.view.y - y) * ratio;
    this.view.scale = scale;
    this.redraw();
  }

  pan(dx, dy) {
    this.touched = true;
    this.view.x -= dx / this.view.scale;
    this.view.y += dy / this.view.scale;
    this.redraw();
  }

  // ------------------------------------------------------------------ input

  listen() {
    const on = (name, handler) => this.over.addEventListener(name, handler);
    on("pointerdown", (event) => this.onDown(event));
    on("pointermove", (event) => this.onMove(event));
    on("pointerup", (event) => this.onUp(event));
    on("pointercancel", (event) => this.onUp(event, true));
    on("pointerleave", () => { if (!this.pointers.size) this.point(-1); });
    on("wheel", (event) => {
      event.preventDefault();
      const step = event.deltaMode === 1 ? 16 : 1;
      this.zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * step)) * 0.0022), ...this.at(event));
    });
    on("keydown", (event) => this.onKey(event));
    on("keyup", (event) => this.stage.classList.toggle("keys", event.key !== "Escape"));
    this.card.addEventListener("click", () => this.open());
  }

  at(event) {
    const box = this.over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  onDown(event) {
    if (event.button > 0 || !this.view) return;
    this.stage.classList.remove("keys");
    this.over.focus({ preventScroll: true });
    this.over.setPointerCapture(event.pointerId);
    const [x, y] = this.at(event);
    this.pointers.set(event.pointerId, { x, y, startX: x, startY: y });
    this.moved = this.pointers.size > 1;
    this.gesture = this.pointers.size > 1 ? "pinch" : event.shiftKey && this.mode === "pan" ? "lasso" : this.mode;
    this.draft = this.gesture === "lasso" || this.gesture === "box" ? [this.toMap(x, y)] : null;
  }

  onMove(event) {
    if (!this.view) return;
    const [x, y] = this.at(event);
    const finger = this.pointers.get(event.pointerId);
    if (!finger) { if (!this.pointers.size) this.point(this.nearest(x, y), x, y); return; }
    const [dx, dy] = [x - finger.x, y - finger.y];
    const before = this.gesture === "pinch" ? this.spread() : 0;
    [finger.x, finger.y] = [x, y];
    if (Math.hypot(x - finger.startX, y - finger.startY) >= MOVED_PX) this.moved = true;
    if (this.gesture === "pinch") {
      const after = this.spread();
      this.pan(dx / this.pointers.size, dy / this.pointers.size);
      if (before && after) this.zoom(after / before, ...this.middle());
    } else if (this.gesture === "pan") {
      if (this.moved) { this.point(-1); this.pan(dx, dy); }
    } else if (this.moved) {
      this.point(-1);
      const here = this.toMap(x, y);
      if (this.gesture === "box") {
        const [x0, y0] = this.draft[0];
        this.draft = [[x0, y0], [here[0], y0], here, [x0, here[1]]];
      } else if (Math.hypot(...this.away(this.draft.at(-1), x, y)) > 3) this.draft.push(here);
      this.redraw();
    }
  }

  onUp(event, cancelled = false) {
    if (!this.pointers.delete(event.pointerId)) return;
    const draft = this.draft;
    this.draft = null;
    if (this.pointers.size) { this.moved = true; return; }
    if (cancelled) { this.redraw(); return; }
    if (!this.moved) {
      const found = this.nearest(...this.at(event));
      this.point(found, ...this.at(event));
      if (found >= 0 && event.pointerType === "mouse") this.open();
    } else if (draft) this.select(simplified(draft, 1.5 / this.view.scale));
  }

  away([x, y], sx, sy) { const [px, py] = this.toScreen(x, y); return [px - sx, py - sy]; }

  spread() {
    const [a, b] = [...this.pointers.values()];
    return a && b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  }

  middle() {
    const all = [...this.pointers.values()];
    return [all.reduce((s, p) => s + p.x, 0) / all.length, all.reduce((s, p) => s + p.y, 0) / all.length];
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const keys = {
      Escape: () => (this.draft ? this.drop() : this.select(null)), "+": () => this.zoom(1.3), "=": () => this.zoom(1.3),
      "-": () => this.zoom(1 / 1.3), 0: () => this.fit(), l: () => this.setMode("lasso"), b: () => this.setMode("box"),
      v: () => this.setMode("pan"), p: () => this.togglePictures(), Enter: () => this.open(),
      ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  drop() { this.draft = null; this.gesture = "none"; this.redraw(); }

  nearest(sx, sy) {
    const [x, y] = this.toMap(sx, sy);
    return this.index.nearest(x, y, HOVER_PX / this.view.scale, (i) => !this.hidden.has(this.data.code[i]));
  }

  open() { if (this.hover >= 0) this.emit.open(this.data.ids[this.hover]); }

  select(polygon) {
    const area = polygon ? Math.abs(shoelace(polygon)) * this.view.scale ** 2 : 0;
    if (polygon && (polygon.length < 3 || area < 30)) { this.say("That was too small: draw round some points."); this.redraw(); return; }
    if (!polygon && !this.polygon) return;
    this.polygon = polygon && polygon.map((corner) => corner.map(round));
    this.changed();
  }

  changed() {
    this.mark();
    this.drawTools();
    this.drawLegend();
    this.redraw();
    this.emit.select(this.polygon && { polygon: this.polygon, hidden: [...this.hidden] });
  }

  // ------------------------------------------------------------------ what is around the canvas

  setMode(mode) { this.mode = mode; this.drawTools(); }

  togglePictures() { this.showPictures = !this.showPictures; this.drawTools(); this.redraw(); }

  drawTools() {
    this.stage.dataset.mode = this.mode;
    const button = (name, title, act, pressed) => {
      const node = make("button", `tool ${name}`);
      node.append(icon(name));
      node.title = title;
      node.setAttribute("aria-label", title);
      if (pressed !== undefined) node.setAttribute("aria-pressed", String(pressed));
      node.dataset.testid = `map-${name}`;
      node.onclick = () => { act(); this.over.focus({ preventScroll: true }); };
      return node;
    };
    const modes = Object.entries(MODES).map(([name, title]) => button(name, title, () => this.setMode(name), this.mode === name));
    const rest = [
      button("pictures", "Pictures where there is room (p)", () => this.togglePictures(), this.showPictures),
      button("in", "Closer (+)", () => this.zoom(1.5)), button("out", "Further (-)", () => this.zoom(1 / 1.5)),
      button("all", "Show all (0)", () => this.fit()),
    ];
    if (this.polygon) rest.push(button("clear", "Clear the selection (Esc)", () => this.select(null)));
    this.tools.replaceChildren(...modes, make("span", "gap"), ...rest);
  }

  drawLegend() {
    const { head } = this.data;
    this.say();
    const title = make("span", "by", head.by);
    const rings = head.hubs ? [this.ringEntry()] : [];
    if (head.kind === "none") { this.legend.replaceChildren(...rings); return; }
    if (head.kind === "number") { this.legend.replaceChildren(title, this.scale(), ...rings); return; }
    const rows = head.labels.map((label, i) => {
      const node = make("button", "entry");
      const dot = make("span", "dot");
      dot.style.background = this.colours[i];
      const n = head.counts[i].toLocaleString("en");
      const count = this.polygon && !head.sampled ? `${this.chosen[i].toLocaleString("en")} / ${n}` : n;
      node.append(dot, make("span", "label", label), make("span", "count", count));
      node.title = `${label}: click hides, double-click shows it alone`;
      node.dataset.testid = `map-legend-${i}`;
      node.setAttribute("aria-pressed", String(!this.hidden.has(i)));
      node.onclick = (event) => this.toggle(i, event.detail > 1);
      return node;
    });
    this.legend.replaceChildren(title, ...rings, ...rows);
  }

  ringEntry() {
    const ring = make("span", "entry");
    const { hubs, hubsLabel } = this.data.head;
    ring.append(make("span", "dot ring"), make("span", "label", hubsLabel), make("span", "count", hubs.toLocaleString("en")));
    return ring;
  }

  scale() {
    const { head } = this.data;
    const node = make("span", "scale");
    const bar = make("span", "bar");
    const steps = head.colours.length - (head.labels.at(-1) === head.noValue ? 1 : 0);
    bar.style.background = `linear-gradient(to right, ${this.colours.slice(0, steps).join(", ")})`;
    node.append(make("span", "count", tidy(head.minimum)), bar, make("span", "count", tidy(head.maximum) + (head.above ? " or more" : "")));
    return node;
  }

  toggle(code, alone) {
    const others = this.data.head.labels.map((_, i) => i).filter((i) => i !== code);
    if (alone) {
      const isolated = this.wasIsolated === code;   // the first click of the two let it go
      this.hidden = new Set(isolated ? [] : others);
      this.isolated = isolated ? null : code;
    } else {
      this.wasIsolated = this.isolated;
      this.isolated = null;
      if (!this.hidden.delete(code)) this.hidden.add(code);
    }
    if (this.polygon) this.changed(); else { this.mark(); this.drawLegend(); this.redraw(); }
  }

  say(text) { this.status.textContent = text ?? this.data.head.status; }

  point(i, sx, sy) {
    if (i < 0) this.card.hidden = true;
    else {
      const { head, code, flag, ids, count } = this.data;
      if (this.hover !== i) {
        const image = make("img");
        image.alt = "";
        image.src = head.thumb + encodeURIComponent(ids[i]);
        const lines = [make("span", "what", count || head.kind === "none" || head.kind === "number" ? "" : head.labels[code[i]])];
        if (head.ranks) lines[0] = make("span", "what", i < head.ranks ? `rank ${i + 1}` : "neighbour of a hit");
        if (count) lines[0] = make("span", "what", ["never found", "found once"][count[i]] ?? `found ${count[i].toLocaleString("en")} times`);
        if (flag[i] & 1) lines.push(make("span", "note", "hub"));
        if (flag[i] & 2) lines.push(make("span", "note", "placed after the map was made"));
        this.card.replaceChildren(image, ...lines.filter((line) => line.textContent));
      }
      this.card.hidden = false;
      const left = sx + 16 + 176 > this.width ? sx - 16 - 176 : sx + 16;
      this.card.style.left = `${Math.max(4, left)}px`;
      this.card.style.top = `${Math.max(4, Math.min(sy - 40, this.height - 200))}px`;
    }
    this.over.style.cursor = i >= 0 ? "pointer" : "";
    if (this.hover !== i) { this.hover = i; this.redraw(); }
  }

  // ------------------------------------------------------------------ drawing

  redraw() {
    if (this.waiting || !this.view) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    this.palette();
    const n = this.data.code.length;
    const size = (n > 20000 ? 3 : n > 4000 ? 4.5 : n > 800 ? 6 : n > 250 ? 8 : 11) * Math.min(Math.max((this.view.scale / this.view.first) ** 0.4, 1), 3);
    this.size = size;
    this.painter.draw(this, size * this.ratio);
    drawOver(this, this.over.getContext("2d"));
  }
}

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".loupe-map");
  if (!root.loupeMap) root.loupeMap = new MapView(root);
  root.loupeMap.update(data, { select: (value) => setStateValue("selection", value), open: (id) => setTriggerValue("open", id) });
  return () => root.loupeMap.observer.disconnect();
}
