// Parts of the map that know nothing of the page: bytes, geometry, the point index, WebGL, pictures, what lies on top.

const HUB_COLOUR = "#D55E00";
const USUAL_SIZE = 32;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

const ICONS = {                          // strokes on a 20 x 20 field
  pan: "M10 2v16M2 10h16M10 2l-2 2.5M10 2l2 2.5M10 18l-2-2.5M10 18l2-2.5M2 10l2.5-2M2 10l2.5 2M18 10l-2.5-2M18 10l-2.5 2",
  lasso: "M10 3c4.5 0 7.5 2 7.5 5s-3 5-7.5 5-7.5-2-7.5-5 3-5 7.5-5M6 12.5c-1.500 1.500-.5 3 1 2.500s2.500.5 1 3",
  box: "M3 3h3M8.500 3h3M14 3h3M17 3v3M17 8.500v3M17 14v3M17 17h-3M11.500 17h-3M6 17H3M3 17v-3M3 11.500v-3M3 6V3",
  pictures: "M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.500h.01",
  in: "M10 4v12M4 10h12", out: "M4 10h12",
  all: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4", clear: "M5 5l10 10M15 5L5 15",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const round = (value) => Math.round(Math.min(Math.max(value, -1), 2) * 1e5) / 1e5;   // as Python rounds it
const tidy = (value) => (value === null ? "" : Number(value.toPrecision(4)).toLocaleString("en"));

function rgb(colour) {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour.trim());
  if (hex) return [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16));
  const short = /^#([0-9a-f]{3})$/i.exec(colour.trim());
  if (short) return [...short[1]].map((digit) => parseInt(digit + digit, 16));
  return (colour.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
}

function luminance(colour) {
  const [r, g, b] = rgb(colour || "#ffffff");
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}

// Little-endian: uint32 length of the JSON head, the head, float32 x,y pairs, int32 pairs of edges, int32 counts if
// head.counted (how often each is found), uint8 codes, uint8
// flags (1 hub, 2 placed later), uint8 sizes (32 is usual) if head.sized, ids as lines of UTF-8.
function decode(bytes) {
  const whole = bytes.slice();           // a copy starts at 0, so that numbers lie on their boundaries
  const length = new DataView(whole.buffer).getUint32(0, true);
  const text = new TextDecoder();
  const head = JSON.parse(text.decode(whole.subarray(4, 4 + length)));
  let at = 4 + length;
  const xy = new Float32Array(whole.buffer, at, head.n * 2);
  at += xy.byteLength;
  const edges = new Int32Array(whole.buffer, at, head.edges * 2);
  at += edges.byteLength;
  const count = head.counted ? new Int32Array(whole.buffer, at, head.n) : null;
  at += count ? count.byteLength : 0;
  const code = whole.subarray(at, at + head.n);
  const flag = whole.subarray(at + head.n, at + 2 * head.n);
  const grow = head.sized ? whole.subarray(at + 2 * head.n, at + 3 * head.n) : new Uint8Array(head.n).fill(USUAL_SIZE);
  const rest = text.decode(whole.subarray(at + (head.sized ? 3 : 2) * head.n));
  return { head, xy, edges, count, code, flag, grow, ids: rest ? rest.split("\n") : [], state: new Uint8Array(head.n) };
}

// ---------------------------------------------------------------- geometry

function within(x, y, polygon) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [x1, y1] = polygon[i];
    const [x2, y2] = polygon[j];
    if ((y1 <= y) !== (y2 <= y) && x < x1 + ((y - y1) * (x2 - x1)) / (y2 - y1)) odd = !odd;
  }
  return odd;
}

function shoelace(polygon) {
  return polygon.reduce((sum, [x, y], i) => {
    const [nx, ny] = polygon[(i + 1) % polygon.length];
    return sum + (x * ny - nx * y) / 2;
  }, 0);
}

// Douglas and Peucker: leave out corners that lie within `tolerance` of the line between those kept; coarser until few.
function simplified(line, tolerance) {
  const keep = (from, to) => {
    const [x1, y1] = line[from];
    const [x2, y2] = line[to];
    const length = Math.hypot(x2 - x1, y2 - y1);
    let [far, most] = [-1, tolerance];
    for (let i = from + 1; i < to; i += 1) {
      const [x, y] = line[i];
      const away = length ? Math.abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length : Math.hypot(x - x1, y - y1);
      if (away > most) [far, most] = [i, away];
    }
    return far < 0 ? [] : [...keep(from, far), line[far], ...keep(far, to)];
  };
  const kept = [line[0], ...keep(0, line.length - 1), line.at(-1)];
  return kept.length > MAX_CORNERS ? simplified(line, tolerance * 1.5) : kept;
}

class Index {                            // points sorted into square cells, to find the nearest one
  constructor(xy) {
    const n = xy.length / 2;
    this.xy = xy;
    this.side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(n / 2))));
    this.start = new Uint32Array(this.side * this.side + 1);
    const cell = new Uint32Array(n);
    for (let i = 0; i < n; i += 1) {
      cell[i] = this.column(xy[2 * i + 1]) * this.side + this.column(xy[2 * i]);
      this.start[cell[i] + 1] += 1;
    }
    for (let c = 0; c < this.side * this.side; c += 1) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    this.order = new Uint32Array(n);
    for (let i = 0; i < n; i += 1) { this.order[next[cell[i]]] = i; next[cell[i]] += 1; }
  }

  column(value) { return Math.max(0, Math.min(this.side - 1, Math.floor(value * this.side))); }

  nearest(x, y, radius, allowed) {
    let [found, best] = [-1, radius * radius];
    for (let row = this.column(y - radius); row <= this.column(y + radius); row += 1) {
      for (let column = this.column(x - radius); column <= this.column(x + radius); column += 1) {
        const cell = row * this.side + column;
        for (let j = this.start[cell]; j < this.start[cell + 1]; j += 1) {
          const i = this.order[j];
          const away = (this.xy[2 * i] - x) ** 2 + (this.xy[2 * i + 1] - y) ** 2;
          if (away <= best && allowed(i)) [found, best] = [i, away];
        }
      }
    }
    return found;
  }
}

// ---------------------------------------------------------------- points

const VERTEX = `
attribute vec2 xy; attribute float code; attribute float flag; attribute float state; attribute float grow;
uniform vec2 middle; uniform vec2 scale; uniform float size; uniform vec4 colours[32];
varying vec4 colour; varying float ring;
void main() {
  colour = colours[int(code + .5)];
  ring = mod(flag, 2.);
  if (state > 1.5) colour.a *= .16;
  gl_Position = colour.a == 0. ? vec4(2., 2., 2., 1.) : vec4((xy - middle) * scale, 0., 1.);
  gl_PointSize = size * (grow / 32.) * ((ring > .5 ? 2. : 1.) + (state > .5 && state < 1.5 ? .3 : 0.));
}`;
const FRAGMENT = `
precision mediump float;
varying vec4 colour; varying float ring; uniform vec4 hub;
void main() {
  float r = length(gl_PointCoord - .5) * 2.;
  if (r > 1.) discard;
  bool outer = ring > .5 && r > .55;
  if (outer && r < .78) discard;
  vec4 paint = outer ? vec4(hub.rgb, min(1., colour.a + .1)) : colour;
  float alpha = paint.a * (1. - smoothstep(.86, 1., r));
  gl_FragColor = vec4(paint.rgb * alpha, alpha);
}`;

class Painter {                          // WebGL where there is, else small squares on a 2-D canvas
  constructor(canvas) {
    this.canvas = canvas;
    this.start();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { this.start(); if (this.data) this.load(this.data); });
  }

  start() {
    const gl = this.canvas.getContext("webgl", { premultipliedAlpha: true, antialias: false });
    this.gl = gl;
    if (!gl) { this.flat = this.canvas.getContext("2d"); return; }
    this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.buffers = {};
  }

  load(data) {
    this.data = data;
    if (!this.gl) return;
    const { gl } = this;
    const put = (name, array, width, type) => {
      const place = gl.getAttribLocation(this.program, name);
      this.buffers[name] ??= gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, array, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, width, type, false, 0, 0);
    };
    put("xy", data.xy, 2, gl.FLOAT);
    put("code", data.code, 1, gl.UNSIGNED_BYTE);
    put("flag", data.flag, 1, gl.UNSIGNED_BYTE);
    put("state", data.state, 1, gl.UNSIGNED_BYTE);
    put("grow", data.grow, 1, gl.UNSIGNED_BYTE);
  }

  draw(map, size) {
    const { view, width, height } = map;
    const opacity = map.data.code.length > 20000 ? 0.7 : 0.88;
    if (!this.gl) { this.drawFlat(map, size, opacity); return; }
    const { gl, program } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const table = new Float32Array(32 * 4);
    map.colours.forEach((colour, i) => {
      table.set([...rgb(colour).map((v) => v / 255), map.hidden.has(i) ? 0 : opacity], 4 * i);
    });
    const uniform = (name) => gl.getUniformLocation(program, name);
    gl.uniform4fv(uniform("colours[0]"), table);
    gl.uniform4f(uniform("hub"), ...rgb(HUB_COLOUR).map((v) => v / 255), 1);
    gl.uniform2f(uniform("middle"), view.x, view.y);
    gl.uniform2f(uniform("scale"), (2 * view.scale) / width, (2 * view.scale) / height);
    gl.uniform1f(uniform("size"), size);
    gl.drawArrays(gl.POINTS, 0, map.data.code.length);
  }

  drawFlat(map, size, opacity) {
    const { flat } = this;
    const { xy, code, flag, state, grow } = map.data;
    flat.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 0; i < code.length; i += 1) {
      if (map.hidden.has(code[i])) continue;
      const [x, y] = map.toScreen(xy[2 * i], xy[2 * i + 1]);
      flat.globalAlpha = state[i] === 2 ? 0.16 : opacity;
      flat.fillStyle = map.colours[code[i]];
      const side = (size * grow[i]) / USUAL_SIZE;
      flat.fillRect(x * map.ratio - side / 2, y * map.ratio - side / 2, side, side);
      if (!(flag[i] & 1)) continue;
      flat.strokeStyle = HUB_COLOUR;
      flat.lineWidth = 0.22 * side;
      flat.beginPath();
      flat.arc(x * map.ratio, y * map.ratio, 0.89 * side, 0, 2 * Math.PI);
      flat.stroke();
    }
  }
}

class Pictures {                         // thumbnails by address, loaded once, the oldest forgotten first
  constructor(arrived) { this.arrived = arrived; this.images = new Map(); }

  get(address) {
    let image = this.images.get(address);
    if (!image) {
      image = new Image();
      image.onload = this.arrived;
      image.src = address;
      this.images.set(address, image);
      if (this.images.size > 600) this.images.delete(this.images.keys().next().value);
    }
    return image.complete && image.naturalWidth ? image : null;
  }
}

// ---------------------------------------------------------------- on top of the points

function drawOver(map, ink) {
  const { data, view, width, height, ratio } = map;
  const { head, xy, code } = data;
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  const place = (i) => map.toScreen(xy[2 * i], xy[2 * i + 1]);
  const text = getComputedStyle(map.root).color;
  drawLinks(map, ink, place, text);
  if (map.showPictures) drawPictures(map, ink, place);
  drawRanks(map, ink, place);
  if (!map.hidden.size) drawNames(map, ink, text);
  if (head.star) {
    const [x, y] = map.toScreen(...head.star);
    const beside = head.focus && map.showPictures && map.shown?.has(0) ? 24 : 0;  // not over the star's own picture
    drawStar(ink, x - beside, y - beside, text);
  }
  for (const shape of [map.polygon, map.draft]) if (shape) drawShape(map, ink, shape);
  if (map.hover >= 0 && !map.hidden.has(code[map.hover])) {
    ink.beginPath();
    ink.arc(...place(map.hover), (map.size * data.grow[map.hover]) / USUAL_SIZE / 2 + 4, 0, 7);
    ink.lineWidth = 2;
    ink.strokeStyle = text;
    ink.stroke();
  }
}

function drawLinks(map, ink, place, colour) {
  const { edges } = map.data;
  ink.strokeStyle = colour;
  for (const hovered of [false, true]) {
    ink.beginPath();
    for (let e = 0; e < edges.length; e += 2) {
      if ((edges[e] === map.hover || edges[e + 1] === map.hover) !== hovered) continue;
      ink.moveTo(...place(edges[e]));
      ink.lineTo(...place(edges[e + 1]));
    }
    ink.globalAlpha = hovered ? 0.85 : map.data.head.linkInk;
    ink.lineWidth = hovered ? 1.6 : 1;
    ink.stroke();
  }
  ink.globalAlpha = 1;
}

// Pictures where they do not cover each other, first points first; the rest stay points.
function drawPictures(map, ink, place) {
  const { head, code, ids, state } = map.data;
  const side = Math.round(Math.min(96, (map.width < 500 ? 38 : 48) * Math.max(1, (map.view.scale / map.view.first) ** 0.25)));
  const spots = new Map();               // one picture a cell at most: two would cover each other
  map.shown = new Set();
  const most = Math.min(ids.length, head.pictured ?? ids.length);
  for (let i = 0; i < most && spots.size < 160; i += 1) {
    if (map.hidden.has(code[i]) || state[i] === 2) continue;
    const [x, y] = place(i);
    if (x < -side || y < -side || x > map.width + side || y > map.height + side) continue;
    const [column, row] = [Math.floor(x / side), Math.floor(y / side)];
    let free = true;
    for (let c = column - 1; c <= column + 1 && free; c += 1) {
      for (let r = row - 1; r <= row + 1 && free; r += 1) {
        const other = spots.get(`${c},${r}`);
        if (other && Math.abs(other[0] - x) < side && Math.abs(other[1] - y) < side) free = false;
      }
    }
    if (!free) continue;
    spots.set(`${column},${row}`, [x, y]);
    const image = map.pictures.get(head.thumb + encodeURIComponent(ids[i]));
    if (!image) continue;
    const fit = (side - 4) / Math.max(image.naturalWidth, image.naturalHeight);
    const [w, h] = [image.naturalWidth * fit, image.naturalHeight * fit];
    ink.fillStyle = map.colours[code[i]];
    ink.fillRect(x - w / 2 - 2, y - h / 2 - 2, w + 4, h + 4);
    ink.drawImage(image, x - w / 2, y - h / 2, w, h);
    map.shown.add(i);
  }
}

function drawRanks(map, ink, place) {
  ink.font = "600 11px system-ui, sans-serif";
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  for (let i = Math.min(map.data.head.ranks, map.data.code.length) - 1; i >= 0; i -= 1) {
    if (map.hidden.has(map.data.code[i])) continue;
    let [x, y] = place(i);
    if (map.showPictures && map.shown?.has(i)) { x -= 18; y -= 18; }
    ink.beginPath();
    ink.arc(x, y, 9, 0, 7);
    ink.fillStyle = map.colours[map.data.code[i]];
    ink.fill();
    ink.lineWidth = 1.5;
    ink.strokeStyle = "#fff";
    ink.stroke();
    ink.fillStyle = "#fff";
    ink.fillText(String(i + 1), x, y + 0.5);
  }
}

// Names of groups at their middles, the largest first, none over another.
function drawNames(map, ink, colour) {
  const ground = getComputedStyle(map.root).getPropertyValue("--st-background-color") || "#fff";
  const boxes = [];
  ink.font = "600 11px system-ui, sans-serif";
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  for (const [mx, my, whole] of map.data.head.names) {
    const name = map.view.scale > map.view.first * 2 ? whole : whole.split(", ").slice(0, 2).join(", ");
    const half = ink.measureText(name).width / 2 + 6;
    let [x, y] = map.toScreen(mx, my);
    if (x < 0 || y < 0 || x > map.width || y > map.height) continue;
    x = Math.max(half, Math.min(map.width - half, x));
    y -= map.showPictures ? 34 : 14;       // above the points, not over them
    if (y < 58 && x - half < 290) continue;  // under the tools
    if (boxes.some(([bx, by, bh]) => Math.abs(bx - x) < bh + half && Math.abs(by - y) < 20)) continue;
    boxes.push([x, y, half]);
    ink.lineWidth = 4;
    ink.lineJoin = "round";
    ink.strokeStyle = ground;
    ink.globalAlpha = 0.85;
    ink.strokeText(name, x, y);
    ink.globalAlpha = 1;
    ink.fillStyle = colour;
    ink.fillText(name, x, y);
  }
}

function drawStar(ink, x, y, colour) {
  ink.beginPath();
  for (let i = 0; i < 10; i += 1) {
    const reach = i % 2 ? 6 : 14;
    ink.lineTo(x + reach * Math.sin((i * Math.PI) / 5), y - reach * Math.cos((i * Math.PI) / 5));
  }
  ink.closePath();
  ink.fillStyle = "#F5C518";
  ink.strokeStyle = colour;
  ink.lineWidth = 1.5;
  ink.fill();
  ink.stroke();
}

function drawShape(map, ink, shape) {
  const accent = getComputedStyle(map.root).getPropertyValue("--st-primary-color") || "#0072B2";
  ink.beginPath();
  shape.forEach(([x, y]) => ink.lineTo(...map.toScreen(x, y)));
  ink.closePath();
  ink.fillStyle = ink.strokeStyle = accent;
  ink.globalAlpha = 0.1;
  ink.fill("evenodd");
  ink.globalAlpha = 1;
  ink.lineWidth = 1.5;
  ink.stroke();
}
