// The judging screen: one large image (or a grid), a grade per key press.
//
// A press is shown at once and kept in `pending` until the server says that it is saved, so that fast
// typing loses nothing: the state value always carries every press that has not been acknowledged.

const WORDS = ["not relevant", "related", "relevant", "perfect"];

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;   // never innerHTML: names and captions are strangers' text
  return node;
}

// What a judge has done at a query outlives the element it was done in: a screen may be taken down and put up anew
// with any rerun, and presses on their way to the server, and what `u` takes back, must not go with it.
function state(data) {
  const all = (window.loupeJudging = window.loupeJudging || new Map());
  const key = JSON.stringify([data.collection, data.query.id, data.judge]);
  if (!all.has(key)) {
    const given = data.items.filter((item) => item.judged);
    const first = data.items.findIndex((item) => !item.judged);
    const history = given.sort((a, b) => a.order - b.order)
      .map((item) => ({ item: item.id, position: data.items.indexOf(item) }));   // judged in an earlier visit
    all.set(key, { position: first < 0 ? data.items.length : first, grades: {}, pending: [], history, serial: 0 });
  }
  return all.get(key);
}

function gradeText(grade) {
  if (grade === undefined) return "";
  return grade === null ? "can't tell" : `${grade} ${WORDS[grade]}`;
}

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".judging");
  const s = state(data);
  const items = data.items;

  const acked = new Set(data.acked);
  s.pending = s.pending.filter((press) => !acked.has(press.uid));
  const waiting = new Set(s.pending.map((press) => press.item));
  for (const item of items) {
    if (waiting.has(item.id)) continue;                // the server does not know of these presses yet
    if (item.judged) s.grades[item.id] = item.grade;
    else delete s.grades[item.id];
  }

  const judgedCount = () => items.filter((item) => s.grades[item.id] !== undefined).length;

  function send(press) {
    s.serial += 1;
    s.pending.push({ uid: `${performance.timeOrigin}-${Date.now()}-${s.serial}`, query: data.query.id, judge: data.judge, ...press });
    setStateValue("presses", s.pending.slice());
  }

  function press(grade) {
    const item = items[s.position];
    if (!item) return;
    s.history.push({ item: item.id, before: s.grades[item.id], position: s.position });
    s.grades[item.id] = grade;
    send({ item: item.id, grade, ms: Math.round(performance.now() - s.shownAt) });
    const rest = items.findIndex((it, i) => i > s.position && s.grades[it.id] === undefined);
    const any = items.findIndex((it) => s.grades[it.id] === undefined);
    s.position = rest >= 0 ? rest : any >= 0 ? any : items.length;
    draw();
  }

  function undo() {
    const last = s.history.pop();
    if (!last) return;
    if (last.before === undefined) delete s.grades[last.item];
    else s.grades[last.item] = last.before;
    s.position = last.position;
    send({ item: last.item, undo: true });
    draw();
  }

  function move(step) {
    s.position = Math.min(Math.max(s.position + step, 0), items.length);
    draw();
  }

  function gradeButtons() {
    const bar = make("div", "grades");
    WORDS.forEach((word, grade) => {
      const button = make("button", "grade");
      button.dataset.grade = String(grade);
      button.append(make("kbd", "", String(grade)), make("span", "", word));
      button.setAttribute("aria-pressed", String(items[s.position] && s.grades[items[s.position].id] === grade));
      button.onclick = () => press(grade);
      bar.append(button);
    });
    const unsure = make("button", "grade");
    unsure.dataset.grade = "x";
    unsure.append(make("kbd", "", "x"), make("span", "", "can't tell"));
    unsure.onclick = () => press(null);
    const back = make("button", "quiet");
    back.append(make("kbd", "", "u"), make("span", "", "undo"));
    back.disabled = s.history.length === 0;
    back.onclick = undo;
    bar.append(unsure, back);
    return bar;
  }

  function drawOne(stage) {
    const item = items[s.position];
    if (!item) {
      const done = make("div", "done");
      done.append(make("p", "", `All ${items.length} results of this query are judged.`));
      if (data.hasNext) {
        const next = make("button", "primary", "Next query");
        next.onclick = () => setTriggerValue("go", "next");
        done.append(next, make("p", "hint", "or press n"));
      } else {
        done.append(make("p", "hint", "This was the last query of the set."));
      }
      stage.append(done);
      return;
    }
    const figure = make("figure", "large");
    const image = make("img");
    image.alt = item.title;
    image.src = item.full;
    image.onerror = () => { if (image.src !== item.thumb) image.src = item.thumb; };
    figure.append(image);
    const notes = [];
    if (!data.blind) notes.push(`rank ${item.rank}`, `score ${item.score}`);
    if (s.grades[item.id] !== undefined) notes.push(`judged: ${gradeText(s.grades[item.id])}`);
    const caption = make("figcaption");
    caption.append(make("span", "title", data.blind ? "" : item.title), make("span", "hint", notes.join(" · ")));
    figure.append(caption);
    stage.append(figure);
    for (const ahead of items.slice(s.position + 1, s.position + 3)) new Image().src = ahead.full;   // so that a press feels instant
  }

  function drawGrid(stage) {
    const grid = make("div", "tiles");
    items.forEach((item, i) => {
      const tile = make("button", i === s.position ? "tile here" : "tile");
      const image = make("img");
      image.alt = data.blind ? `result ${i + 1}` : item.title;
      image.src = item.thumb;
      image.loading = "lazy";
      tile.append(image, make("span", "hint", gradeText(s.grades[item.id]) || (data.blind ? " " : `rank ${item.rank}`)));
      tile.onclick = () => { s.position = i; draw(); };
      grid.append(tile);
    });
    stage.append(grid);
  }

  function draw() {
    const shown = items[s.position] && items[s.position].id;
    if (shown !== s.shown) Object.assign(s, { shown, shownAt: performance.now() });
    root.replaceChildren();
    const head = make("div", "head");
    const words = make("div", "words");
    words.append(make("h2", "query", data.query.text));
    if (data.query.guideline) words.append(make("p", "guideline", data.query.guideline));
    const count = make("div", "count", `${judgedCount()} of ${items.length}`);
    count.dataset.testid = "judged";
    head.append(words, count);
    const bar = make("div", "bar");
    const fill = make("div", "fill");
    fill.style.width = `${items.length ? (100 * judgedCount()) / items.length : 0}%`;
    bar.append(fill);
    const stage = make("div", "stage");
    (data.mode === "grid" ? drawGrid : drawOne)(stage);
    root.append(head, bar, stage, gradeButtons());
    const foot = make("div", "foot hint", s.pending.length ? "saving…" : judgedCount() ? "saved" : "");
    foot.dataset.testid = "saved";
    root.append(foot);
  }

  function onKey(event) {
    const path = event.composedPath();
    const typing = path.some((n) => n.tagName === "INPUT" || n.tagName === "TEXTAREA" || n.isContentEditable);
    const elsewhere = document.querySelector('[role="dialog"]') !== null || !root.isConnected;
    if (typing || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if ("0123".includes(key) && key.length === 1) press(Number(key));
    else if (key === "x") press(null);
    else if (key === "u") undo();
    else if (key === "j" || key === "arrowright") move(1);
    else if (key === "k" || key === "arrowleft") move(-1);
    else if (key === "n" && data.hasNext) setTriggerValue("go", "next");
    else if (key === "p" && data.hasPrevious) setTriggerValue("go", "previous");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  draw();
  // This function runs again with every rerun of the page, and a screen may be put up anew while the one before is
  // still being taken down: there is one handler in the whole window, or one press would count several times.
  if (window.loupeJudgingKeys) document.removeEventListener("keydown", window.loupeJudgingKeys, true);
  window.loupeJudgingKeys = onKey;
  document.addEventListener("keydown", onKey, true);
  return () => document.removeEventListener("keydown", onKey, true);
}
