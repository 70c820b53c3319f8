// What every component was doing, and the machine's blocks with it, of the run or of a phase.
byId("phase").innerHTML = ["whole run", ...phases].map(p => `<option>${esc(p)}</option>`).join("");
const activity = (r, phase) => r.activity[phase] || r.activity["whole run"];

function drawStalls() {
  const phase = byId("phase").value;
  byId("stalls-body").innerHTML = RUNS.map((r, n) => {
    const rows = Object.entries(activity(r, phase)), wide = 600, name = 120, step = 20;
    const drawn = rows.map(([part, a], i) => {
      const total = STATUS.reduce((s, w) => s + a[w], 0) || 1;
      let x = name;
      const cells = ["busy", "starved", "blocked", "idle"].map(w => {
        const width = (wide - name) * a[w] / total, at = x;
        x += width;
        const text = width > 30 ? `<text x="${at + width / 2}" y="${i * step + 13}" text-anchor="middle" style="pointer-events:none;fill:${w === "busy" || w === "blocked" ? "#fff" : "#111"}">${Math.round(100 * a[w] / total)}</text>` : "";
        return `<rect x="${at}" y="${i * step + 1}" width="${width}" height="16" fill="${COLOUR[w]}" data-tip="${esc(part)}: ${w} ${whole(a[w])} of ${whole(total)} cycles of its clock (${percent(a[w] / total)})"/>${text}`;
      });
      return `<text x="${name - 6}" y="${i * step + 13}" text-anchor="end">${esc(part)}</text>${cells.join("")}`;
    });
    return `<div>${label(r, n)}<svg viewBox="0 0 ${wide} ${rows.length * step}" width="${wide}">${drawn.join("")}</svg></div>`;
  }).join("");
}

function columnsOf(r) {
  // DRAM, what moves its data, buffers, and then by distance from them; commands are left out.
  const parts = Object.keys(r.activity["whole run"]), place = {}, kind = p => r.kinds[p];
  const near = {};
  for (const [from, to] of r.links) { (near[from] ||= []).push(to); (near[to] ||= []).push(from); }
  for (const p of parts) if (kind(p) === "dram") place[p] = 0; else if (kind(p) === "dma") place[p] = 1; else if (kind(p) === "sequencer") place[p] = 1; else if (kind(p) === "buffer") place[p] = 2;
  let front = parts.filter(p => place[p] === 2);
  for (let depth = 3; front.length; depth++) {
    const next = [...new Set(front.flatMap(p => near[p] || []))].filter(p => place[p] == null);
    next.forEach(p => { place[p] = depth; });
    front = next;
  }
  parts.forEach(p => { place[p] ??= 3; });
  // a column of more than six is two
  const columns = [];
  for (let c = 0; c <= Math.max(...Object.values(place)); c++) {
    const mine = parts.filter(p => place[p] === c);
    for (let i = 0; i < mine.length; i += 6) columns.push(mine.slice(i, i + 6));
  }
  return columns;
}

function drawBlocks() {
  const phase = byId("phase").value;
  byId("diagram-body").innerHTML = RUNS.map((r, n) => {
    const columns = columnsOf(r), box = 104, gap = 58, tall = 44, step = 74, rows = Math.max(...columns.map(c => c.length));
    const wide = columns.length * (box + gap) - gap + 20, high = rows * step + 10, at = {};
    columns.forEach((column, c) => column.forEach((p, i) => { at[p] = [10 + c * (box + gap), 8 + (i + (rows - column.length) / 2) * step]; }));
    const doing = activity(r, phase);
    const arrows = r.links.filter(([a, b]) => at[a] && at[b] && a !== b).map(([a, b, what, items]) => {
      const command = r.kinds[a] === "sequencer" || r.kinds[b] === "sequencer";
      if (command) return "";
      const [ax, ay] = at[a], [bx, by] = at[b], right = bx > ax, same = bx === ax;
      const x1 = same || right ? ax + box : ax, x2 = same || !right ? bx + box : bx, y1 = ay + tall / 2, y2 = by + tall / 2, bend = same ? 26 : (right ? 1 : -1) * gap / 2;
      return `<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${same ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="#777" stroke-opacity="0.6" stroke-width="${(0.7 + Math.log10(1 + items) / 4).toFixed(2)}" marker-end="url(#head)" data-tip="${esc(a)} to ${esc(b)}\n${esc(what)}"/>`;
    });
    const boxes = Object.entries(at).map(([p, [x, y]]) => {
      const a = doing[p], total = STATUS.reduce((s, w) => s + a[w], 0) || 1, busy = a.busy / total;
      return `<g data-tip="${esc(p)} (${esc(r.classes[p])})\nbusy ${percent(busy)}, starved ${percent(a.starved / total)}, blocked ${percent(a.blocked / total)}, idle ${percent(a.idle / total)}"><rect x="${x}" y="${y}" width="${box}" height="${tall}" rx="5" fill="#fff" stroke="#333"/><rect x="${x}" y="${y}" width="${box}" height="${tall}" rx="5" fill="#0072B2" fill-opacity="${(0.85 * busy).toFixed(3)}"/><text x="${x + box / 2}" y="${y + 19}" text-anchor="middle" style="font-weight:600;fill:${busy > 0.55 ? "#fff" : "#111"}">${esc(p)}</text><text x="${x + box / 2}" y="${y + 35}" text-anchor="middle" style="fill:${busy > 0.55 ? "#fff" : "#333"}">${percent(busy)}</text></g>`;
    });
    return `<div style="flex-basis:100%">${label(r, n)}<svg viewBox="0 0 ${wide} ${high}" width="${wide}"><defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#777"/></marker></defs>${arrows.join("")}${boxes.join("")}</svg></div>`;
  }).join("");
}
byId("phase").addEventListener("change", () => { drawStalls(); drawBlocks(); });
drawStalls();
drawBlocks();

// What differs between the configurations.
function differences() {
  const names = [...new Set(RUNS.flatMap(r => Object.keys(r.settings)))].filter(n => new Set(RUNS.map(r => r.settings[n])).size > 1);
  const said = names.map(n => [esc(n), ...RUNS.map(r => esc(r.settings[n] ?? "not there"))]);
  return `<div style="flex-basis:100%"><h3>Settings that differ</h3>${said.length ? table(["", ...RUNS.map((_, n) => letter(n))], said) : "<p>None.</p>"}</div>`;
}
byId("made-body").innerHTML = (RUNS.length > 1 ? differences() : "") + RUNS.map((r, n) => `<div>${label(r, n)}${table(["", ""], Object.entries(r.notes).map(([k, v]) => [esc(k.replaceAll("_", " ")), `<span style="white-space:normal">${esc(typeof v === "object" ? JSON.stringify(v) : v)}</span>`]))}<h3>Configuration</h3><pre>${esc(r.configuration)}</pre></div>`).join("");
