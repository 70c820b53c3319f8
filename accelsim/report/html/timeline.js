// The timeline: every change of status, drawn as shares of each pixel's time; several runs share one scale of cycles.
const LANE = 26, NAME = 110, AXIS = 24;
const view = {from: 0, to: Math.max(...RUNS.map(r => r.timeline.cycles))};
const END = view.to;

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint32Array(await new Response(stream).arrayBuffer());
}

async function prepared(r) {
  const words = await unpacked(r.timeline.changes), lanes = [];
  let at = 0;
  for (const part of r.timeline.parts) {
    const starts = new Float64Array(part.count + 2), status = new Uint8Array(part.count + 1);
    let now = 0; // in cycles of its own clock
    for (let i = 0; i < part.count; i++) {
      now += words[at + i] >>> 2;
      starts[i + 1] = now * part.period;
      status[i + 1] = words[at + i] & 3;
    }
    starts[part.count + 1] = Infinity;
    at += part.count;
    lanes.push({name: part.name, starts, status});
  }
  return lanes;
}

function find(starts, x) {
  let low = 0, high = starts.length - 2;
  while (low < high) { const middle = (low + high + 1) >> 1; if (starts[middle] <= x) low = middle; else high = middle - 1; }
  return low;
}

function lane(context, one, y, width, end) {
  const scale = width / (view.to - view.from), cells = new Float64Array(4 * (width + 1));
  for (let i = find(one.starts, view.from); i < one.status.length && one.starts[i] < view.to; i++) {
    const a = (Math.max(one.starts[i], view.from) - view.from) * scale, b = (Math.min(one.starts[i + 1], view.to, end) - view.from) * scale;
    if (b <= a) continue;
    for (let p = Math.floor(a); p < Math.min(b, width); p++) cells[4 * p + one.status[i]] += Math.min(b, p + 1) - Math.max(a, p);
  }
  const tall = LANE - 5;
  for (let p = 0; p < width; p++) {
    let floor = y + tall;
    for (const s of [1, 2, 3, 0]) {
      const high = tall * cells[4 * p + s];
      if (high > 0) { context.fillStyle = COLOUR[STATUS[s]]; context.fillRect(NAME + p, floor - high, 1.02, high); floor -= high; }
    }
  }
}

function drawn(r, lanes, canvas) {
  const dpr = window.devicePixelRatio || 1, whole_ = canvas.clientWidth, width = Math.max(Math.floor(whole_ - NAME - 8), 50);
  const high = (lanes.length + 1) * LANE + AXIS;
  canvas.width = whole_ * dpr; canvas.height = high * dpr; canvas.style.height = high + "px";
  const c = canvas.getContext("2d");
  c.scale(dpr, dpr); c.font = "11px system-ui, sans-serif"; c.textBaseline = "middle"; c.clearRect(0, 0, whole_, high);
  const scale = width / (view.to - view.from), X = v => NAME + (v - view.from) * scale;
  c.textAlign = "right"; c.fillStyle = "#111";
  ["layer", ...lanes.map(l => l.name)].forEach((name, i) => c.fillText(name, NAME - 6, i * LANE + LANE / 2));
  c.save(); c.beginPath(); c.rect(NAME, 0, width, high); c.clip();
  for (const [name, phase, start, end] of r.timeline.layers) {
    if (end < view.from || start > view.to) continue;
    const a = Math.max(X(start), NAME), b = Math.min(X(end), NAME + width);
    c.fillStyle = colourOf(phase); c.fillRect(a, 2, Math.max(b - a - 0.5, 0.5), LANE - 5);
    if (b - a > 6.2 * name.length + 6) { c.fillStyle = ["attention", "qkv", "mlp", "head"].includes(phase) ? "#fff" : "#111"; c.textAlign = "center"; c.fillText(name, (a + b) / 2, LANE / 2); }
  }
  lanes.forEach((one, i) => lane(c, one, (i + 1) * LANE + 2, width, r.timeline.cycles));
  c.restore();
  const span = view.to - view.from, rough = span / (width / 110), power = 10 ** Math.floor(Math.log10(rough)), step = Math.max([1, 2, 5, 10].map(m => m * power).find(s => s >= rough), 1);
  c.fillStyle = "#111"; c.strokeStyle = "#444"; c.textAlign = "center";
  for (let v = Math.ceil(view.from / step) * step; v <= view.to; v += step) { const x = X(v); c.beginPath(); c.moveTo(x, high - AXIS); c.lineTo(x, high - AXIS + 4); c.stroke(); if (x < NAME + width - 20) c.fillText(whole(v), x, high - AXIS + 12); }
}

const CHARTS = [];
function redraw() { for (const chart of CHARTS) if (chart.lanes) drawn(chart.r, chart.lanes, chart.canvas); document.body.dataset.view = `${Math.round(view.from)}:${Math.round(view.to)}`; }
function show(from, to) {
  const span = Math.min(Math.max(to - from, 20), END);
  view.from = Math.min(Math.max(from, 0), END - span); view.to = view.from + span;
  requestAnimationFrame(redraw);
}
RUNS.forEach((r, n) => {
  const place = document.createElement("div");
  place.innerHTML = `${label(r, n)}<canvas aria-label="timeline of ${esc(r.name)}"></canvas>`;
  byId("timeline-body").append(place);
  if (!r.timeline.changes) { place.lastChild.replaceWith("The run was made without its changes of status."); return; }
  const canvas = place.querySelector("canvas"), chart = {r, canvas, lanes: null};
  CHARTS.push(chart);
  const cyclesAt = e => view.from + (e.offsetX - NAME) / Math.max(canvas.clientWidth - NAME - 8, 50) * (view.to - view.from);
  canvas.addEventListener("wheel", e => { e.preventDefault(); const at = cyclesAt(e), f = Math.exp(Math.sign(e.deltaY) * 0.25); show(at - (at - view.from) * f, at + (view.to - at) * f); }, {passive: false});
  let held = null;
  canvas.addEventListener("pointerdown", e => { held = [e.clientX, view.from, view.to]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("dblclick", () => show(0, END));
  canvas.addEventListener("pointerleave", e => tell(e, ""));
  canvas.addEventListener("pointermove", e => {
    if (held) { const moved = (held[0] - e.clientX) / (canvas.clientWidth - NAME - 8) * (held[2] - held[1]); show(held[1] + moved, held[2] + moved); return; }
    const x = cyclesAt(e), row = Math.floor(e.offsetY / LANE) - 1;
    if (x < view.from || x > r.timeline.cycles || !chart.lanes || row >= chart.lanes.length) { tell(e, ""); return; }
    const layer = r.timeline.layers.find(l => l[2] <= x && x < l[3]), where = `core cycle ${whole(x)}${layer ? ", " + layer[0] : ""}`;
    if (row < 0) { tell(e, layer ? `${where}\n${whole(layer[3] - layer[2])} core cycles` : ""); return; }
    const one = chart.lanes[row], i = find(one.starts, x), end = Math.min(one.starts[i + 1], r.timeline.cycles);
    tell(e, `${where}\n${one.name}: ${STATUS[one.status[i]]} from ${whole(one.starts[i])} to ${whole(end)}`);
  });
  prepared(r).then(lanes => { chart.lanes = lanes; redraw(); document.body.dataset.ready = CHARTS.filter(c => c.lanes).length; });
});
byId("goto").innerHTML = "<option value=''>go to a layer</option>" + RUNS[0].timeline.layers.map(([name, , a, b]) => `<option value="${a}:${b}">${esc(name)}</option>`).join("");
byId("goto").addEventListener("change", e => { const [a, b] = e.target.value ? e.target.value.split(":").map(Number) : [0, END]; show(a - 0.02 * (b - a), b + 0.02 * (b - a)); });
addEventListener("resize", redraw);
