// The query as chips: one per term, with its picture, weight, sign and an x. Images come in by paste, drop, or by
// dragging a result here. Every change is one event to Python, which owns the query; nothing is kept here.

const SEND_AS_IS = 3_000_000;           // bytes; a larger picture is scaled down first, the query encoder sees 260 px
const LONGEST_SIDE = 1600;
const MOST_BYTES = 15_000_000;
// One tone for each term, the same as in the bar under a result that shows what the term gave.
const TONES = ["#1f8f84", "#d98324", "#5b6ee1", "#b5487a", "#6a9a3a", "#8a7a68"];
const MOST_WEIGHT = 1000;
const ITEM = "application/x-loupe-item";

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;   // terms are strangers' text
  return node;
}

function readable(weight) {
  return String(Math.round(Math.abs(weight) * 100) / 100);
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",", 2)[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

async function shrink(file) {
  if (file.size <= SEND_AS_IS) return file;
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = make("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  } catch {
    return file;                        // a format the browser cannot read, such as TIFF: the server may
  }
}

class Chips {
  constructor(root) {
    this.root = root;
    this.serial = 0;
    this.row = make("div", "row");
    this.drop = make("div", "drop", "Drop the image here to search with it");
    this.drop.hidden = true;
    root.replaceChildren(this.row, this.drop);
    this.over = (event) => this.onDragOver(event);
    this.leave = (event) => { if (!event.relatedTarget) this.drop.hidden = true; };
    this.dropped = (event) => this.onDrop(event);
    this.ended = () => { this.drop.hidden = true; };
    this.pasted = (event) => this.onPaste(event);
    document.addEventListener("dragover", this.over);
    document.addEventListener("dragleave", this.leave);
    document.addEventListener("drop", this.dropped);
    document.addEventListener("dragend", this.ended);
    document.addEventListener("paste", this.pasted);
  }

  close() {
    document.removeEventListener("dragover", this.over);
    document.removeEventListener("dragleave", this.leave);
    document.removeEventListener("drop", this.dropped);
    document.removeEventListener("dragend", this.ended);
    document.removeEventListener("paste", this.pasted);
  }

  update(data, emit) {
    this.emit = emit;
    this.uploads = data.uploads;
    const chips = data.terms.map((term, i) => this.drawTerm(term, i, data.terms.length > 1));
    data.literals.forEach((literal, i) => chips.push(this.drawLiteral(literal, i)));
    data.filters.forEach((condition, i) => chips.push(this.drawFilter(condition, i)));
    if (chips.length > 1) {
      const clear = make("button", "clear", "Clear");
      clear.title = "Empty the query and the filter";
      clear.onclick = () => this.send({ type: "clear" });
      chips.push(clear);
    }
    this.row.replaceChildren(...chips);
    this.row.hidden = !chips.length;
    this.row.classList.remove("busy");
  }

  send(event) {
    this.serial += 1;
    this.emit({ ...event, serial: this.serial });
  }

  drawTerm(term, index, several) {
    const less = term.weight < 0;
    const chip = make("span", less ? "chip less" : "chip");
    chip.dataset.kind = term.kind;
    const sign = make("button", "sign", less ? "\u2212" : "+");
    sign.title = less ? "Less like this; press for more like this" : "More like this; press for less like this";
    sign.setAttribute("aria-label", sign.title);
    sign.onclick = () => this.send({ type: "flip", index });
    chip.append(sign);
    if (term.thumb) {
      const image = make("img");
      image.src = term.thumb;
      image.alt = "";
      image.width = image.height = 34;
      chip.append(image);
    }
    const words = make("span", "words", term.label);
    words.title = term.tip || term.label;
    if (several) words.style.boxShadow = `inset 0 -2px ${TONES[index % TONES.length]}`;
    chip.append(words);
    const weight = make("label", "weight");
    const input = make("input");
    input.type = "number";
    input.step = "0.1";
    input.min = "0.1";
    input.value = readable(term.weight);
    input.setAttribute("aria-label", `Weight of ${term.label}`);
    input.title = "Weight: 2 counts twice as much";
    input.onkeydown = (event) => { event.stopPropagation(); if (event.key === "Enter") input.blur(); };
    input.onchange = () => {
      const value = Math.abs(Number(input.value));
      const said = Number.isFinite(value) && value > 0;
      if (said) this.send({ type: "weight", index, weight: less ? -value : value });
      if (!said || value > MOST_WEIGHT) input.value = readable(term.weight);   // refused: what counts is as it was
    };
    weight.append("\u00d7", input);
    chip.append(weight, this.drawRemove(term.label, { type: "remove", index }));
    return chip;
  }

  drawLiteral(literal, index) {
    const chip = make("span", literal.negated ? "chip literal less" : "chip literal");
    chip.append(make("span", "words", `${literal.negated ? "not " : ""}${literal.field} has "${literal.value}"`));
    chip.append(this.drawRemove(literal.value, { type: "remove_literal", index }));
    return chip;
  }

  drawFilter(condition, index) {
    const chip = make("span", "chip literal filter");
    const words = make("span", "words", condition);
    words.title = `Only images where ${condition}`;
    chip.append(words, this.drawRemove(condition, { type: "remove_filter", index }));
    return chip;
  }

  drawRemove(name, event) {
    const button = make("button", "x", "\u00d7");
    button.title = "Take out";
    button.setAttribute("aria-label", `Take out ${name}`);
    button.onclick = () => this.send(event);
    return button;
  }

  // ------------------------------------------------------------------ images from outside

  wanted(event) {
    const types = [...(event.dataTransfer?.types || [])];
    const uploader = event.composedPath().some((n) => n.dataset?.testid === "stFileUploaderDropzone");
    return !uploader && (types.includes(ITEM) || (this.uploads && types.includes("Files")));
  }

  onDragOver(event) {
    if (!this.wanted(event)) return;
    event.preventDefault();
    this.drop.hidden = false;
  }

  onDrop(event) {
    this.drop.hidden = true;
    if (!this.wanted(event)) return;
    event.preventDefault();
    const id = event.dataTransfer.getData(ITEM);
    if (id) this.send({ type: "item", id });
    else this.take(event.dataTransfer.files);
  }

  onPaste(event) {
    const files = [...(event.clipboardData?.files || [])];
    if (!this.uploads || !files.some((file) => file.type.startsWith("image/"))) return;
    event.preventDefault();
    this.take(files);
  }

  async take(files) {
    const file = [...files].find((f) => f.type.startsWith("image/")) || files[0];
    if (!file) return;
    this.row.classList.add("busy");
    const blob = await shrink(file);
    if (!blob || blob.size > MOST_BYTES) {
      this.row.classList.remove("busy");
      this.send({ type: "refused", name: file.name, bytes: file.size });
      return;
    }
    this.send({ type: "upload", name: file.name, data: await base64(blob) });
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".loupe-chips");
  if (!root.loupeChips) root.loupeChips = new Chips(root);
  root.loupeChips.update(data, (event) => setTriggerValue("event", event));
  return () => { root.loupeChips.close(); root.loupeChips = null; };
}
