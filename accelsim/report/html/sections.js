// Headline and figures, side by side where there are several runs.
const many = RUNS.length > 1;
byId("top").innerHTML = RUNS.map((r, n) => `<p>${many ? `<b>${letter(n)}</b> ` : ""}<b>${esc(r.name)}</b>: ${esc(r.headline)}${r.synthetic ? ' <span class="synthetic">(synthetic masks, not trained ones)</span>' : ""}</p>`).join("");
const FIGURES = [
  ["time (core cycles)", f => f.cycles, whole, true], ["time", f => f.seconds, v => prefix(v, "s"), true],
  ["MAC utilization", f => f.mac_utilization, percent, false], ["DRAM read", f => f.dram_read_bytes, v => prefix(v, "B"), true],
  ["DRAM written", f => f.dram_write_bytes, v => prefix(v, "B"), true], ["DRAM bandwidth in use", f => f.bandwidth_utilization, percent, true],
  ["energy of the chip", f => f.chip_energy_pj, joules, true], ["energy of DRAM", f => f.dram_energy_pj, joules, true],
  ["energy in all, low to high", f => f.energy_pj, joules, true], ["power of the chip", f => f.chip_power_w, v => prefix(v, "W"), true],
  ["area of the chip", f => f.area_mm2, v => v == null ? "" : v.toFixed(2) + " mm2", true], ["useful MACs", f => f.macs, whole, false],
  ["throughput", f => f.ops_per_s, v => prefix(v, "op/s"), false],
];
const others = RUNS.slice(1);
byId("figures-body").innerHTML = table(
  ["", ...RUNS.map((r, n) => many ? letter(n) : ""), ...others.map((_, n) => `${letter(n + 1)} against A`)],
  FIGURES.map(([name, get, say, less]) => {
    const spread = f => name.startsWith("energy in all") ? ` (${joules(f.energy_low_pj)} to ${joules(f.energy_high_pj)})` : "";
    return [name, ...RUNS.map(r => say(get(r.figures)) + spread(r.figures)), ...others.map(r => ratio(get(RUNS[0].figures), get(r.figures), less))];
  }));

// Time by phase.
const phases = [...new Set(RUNS.flatMap(r => r.phases.map(p => p.name)))];
byId("time-body").innerHTML = RUNS.map((r, n) => label(r, n) + bars(r.phases.map(p => ({
  name: p.name, value: p.cycles, colour: colourOf(p.name), dark: ["attention", "qkv", "mlp", "head"].includes(p.name),
  tip: `${p.name}: ${whole(p.cycles)} core cycles, ${percent(p.cycle_share)} of the run`,
})))).join("") + '<div style="overflow-x:auto">' + table(
  ["phase", ...RUNS.flatMap((r, n) => { const l = many ? letter(n) + " " : ""; return [l + "core cycles", l + "of run", l + "MAC use", l + "chip energy", ...(many ? [] : ["DRAM use", "op/byte"])]; }), ...others.map((_, n) => `${letter(n + 1)} against A`)],
  phases.map(name => {
    const mine = RUNS.map(r => r.phases.find(p => p.name === name));
    return [`<span class="key" style="margin-left:0;background:${colourOf(name)}"></span>${esc(name)}`,
      ...mine.flatMap(p => p ? [whole(p.cycles), percent(p.cycle_share), percent(p.mac_utilization), joules(p.chip_energy_pj), ...(many ? [] : [percent(p.bandwidth_utilization), p.ops_per_byte == null ? "" : p.ops_per_byte.toFixed(1)])] : Array(4).fill("")),
      ...mine.slice(1).map(p => ratio(mine[0] && mine[0].cycles, p && p.cycles, true))];
  })) + "</div>";

// Energy.
const share = rows => { const sum = rows.reduce((s, r) => s + r.pj, 0); return rows.map(r => ({...r, value: r.pj, low: r.low_pj, high: r.high_pj, said: `${joules(r.pj)}, ${percent(r.pj / sum)}`, tip: `${r.name}: ${joules(r.pj)}, between ${joules(r.low_pj)} and ${joules(r.high_pj)}`})); };
byId("energy-body").innerHTML = RUNS.map((r, n) => `<div>${label(r, n)}<div class="charts"><div><h3>chip, by component: ${joules(r.figures.chip_energy_pj)}</h3>${horizontal(share(r.energy.chip), "J", "#0072B2")}</div><div><h3>DRAM, by action: ${joules(r.figures.dram_energy_pj)}</h3>${horizontal(share(r.energy.dram), "J", "#999999")}</div></div><p class="soft">Table ${esc(r.energy.table)}; whiskers: the prices' bounds. Scaled pre-silicon figures, about +-2x in absolute terms.</p></div>`).join("");

// The longest attention layers in words, and the phases of all of them.
function attention(r) {
  if (!r.chains.length) return "";
  const longest = [...r.chains].sort((a, b) => b.cycles - a.cycles).slice(0, 3);
  const engines = Object.keys(r.chains.flatMap(c => c.steps).find(s => s.phase !== "waiting").busy);
  const rows = r.chains.flatMap(c => c.steps.map(s => [esc(s.layer), s.phase === "waiting" ? "" : s.pass, s.phase === "waiting" ? "" : esc(s.heads), esc(s.phase), whole(s.cycles), percent(s.cycles / c.cycles), esc(s.critical), ...engines.map(e => whole(s.busy[e]))]));
  return `<h3>What the longest attention layers are made of</h3><ul>${longest.map(c => `<li>${esc(c.sentence)}</li>`).join("")}</ul><details><summary>Every phase of every attention layer</summary><div class="scroll">${table(["layer", "pass", "heads", "phase", "core cycles", "of layer", "last to end, or waited for", ...engines.map(e => `${esc(e)} busy`)], rows)}</div></details>`;
}
byId("losses-body").innerHTML = RUNS.map((r, n) => `<div>${label(r, n)}${r.losses.length ? `<ol>${r.losses.map(l => `<li>${esc(l)}</li>`).join("")}</ol>` : "<p>Nothing is known: the run was made without its changes of status.</p>"}${attention(r)}</div>`).join("");

// The layers: one table, sorted and filtered.
const COLUMNS = [
  ...(many ? [["run", l => l.run, esc]] : []), ["layer", l => l.name, esc], ["phase", l => l.phase, esc], ["core cycles", l => l.cycles, whole],
  ["of run", l => l.cycle_share, percent], ["MAC use", l => l.mac_utilization, percent], ["DRAM use", l => l.bandwidth_utilization, percent],
  ["DRAM bytes", l => l.dram_read_bytes + l.dram_write_bytes, whole], ["op/byte", l => l.ops_per_byte, v => v == null ? "" : v.toFixed(1)],
  ["MACs", l => l.macs, whole], ["chip energy", l => l.chip_energy_pj, joules], ["DRAM energy", l => l.dram_energy_pj, joules],
  ...others.map((_, n) => [`${letter(n + 1)} against A`, l => l.against[n], v => v == null ? "" : ratio(1, v, true)]),
];
const LAYERS = RUNS.flatMap((r, n) => r.layers.map(l => ({...l, run: letter(n), against: n ? [] : others.map(o => { const twin = o.layers.find(x => x.name === l.name); return twin && l.cycles ? twin.cycles / l.cycles : null; })})));
const order = {column: -1, up: false};
function drawLayers() {
  const wanted = byId("filter").value.toLowerCase();
  let rows = LAYERS.filter(l => `${l.name} ${l.block} ${l.phase}`.toLowerCase().includes(wanted));
  if (order.column >= 0) {
    const get = COLUMNS[order.column][1], sign = order.up ? 1 : -1;
    rows = [...rows].sort((a, b) => { const x = get(a), y = get(b); return sign * (typeof x === "string" ? x.localeCompare(y, "en", {numeric: true}) : (x ?? -1) - (y ?? -1)); });
  }
  byId("layer-table").innerHTML = `<thead><tr>${COLUMNS.map(([name], i) => `<th data-column="${i}" class="${i === order.column ? (order.up ? "up" : "down") : ""}">${name}</th>`).join("")}</tr></thead><tbody>${rows.map(l => `<tr>${COLUMNS.map(([, get, say]) => `<td>${say(get(l))}</td>`).join("")}</tr>`).join("")}</tbody>`;
  byId("count").textContent = `${rows.length} of ${LAYERS.length} layers, ${whole(rows.reduce((s, l) => s + l.cycles, 0))} core cycles`;
}
byId("layer-table").addEventListener("click", e => {
  const head = e.target.closest("th");
  if (!head) return;
  const column = Number(head.dataset.column);
  order.up = order.column === column ? !order.up : typeof COLUMNS[column][1](LAYERS[0]) === "string";
  order.column = column;
  drawLayers();
});
byId("filter").addEventListener("input", drawLayers);
drawLayers();

// The roofline, log-log.
(function () {
  const wide = 860, tall = 380, left = 70, low = 44, points = RUNS.flatMap((r, n) => [
    ...r.layers.map(l => ({...l, r, n, size: 3})), ...r.phases.map(p => ({...p, phase: p.name, r, n, size: 7})),
    {...r.figures, name: "whole run", phase: null, r, n, size: 9}]).filter(p => p.ops_per_byte && p.ops_per_s);
  if (!points.length) { byId("roofline-body").textContent = "No layer has MACs and DRAM traffic."; return; }
  const xs = [...points.map(p => p.ops_per_byte), ...RUNS.map(r => r.roof.ridge)], ys = [...points.map(p => p.ops_per_s), ...RUNS.map(r => r.roof.peak)];
  const x0 = Math.log10(Math.min(...xs) / 2), x1 = Math.log10(Math.max(...xs) * 2), y0 = Math.log10(Math.min(...ys) / 2), y1 = Math.log10(Math.max(...ys) * 1.6);
  const X = v => left + (wide - left - 10) * (Math.log10(v) - x0) / (x1 - x0), Y = v => tall - low - (tall - low - 10) * (Math.log10(v) - y0) / (y1 - y0);
  const ticks = (a, b) => { const found = []; for (let e = Math.floor(a); e <= b; e++) for (const m of [1, 2, 5]) { const v = m * 10 ** e; if (Math.log10(v) >= a && Math.log10(v) <= b) found.push(v); } return found.filter((_, i, all) => all.length < 13 || String(all[i])[0] === "1"); };
  let made = ticks(x0, x1).map(v => `<path d="M${X(v)} ${tall - low}v4" stroke="#444"/><text x="${X(v)}" y="${tall - low + 16}" text-anchor="middle">${v.toLocaleString("en-US")}</text>`).join("");
  made += ticks(y0, y1).map(v => `<path d="M${left} ${Y(v)}h-4" stroke="#444"/><text x="${left - 7}" y="${Y(v) + 4}" text-anchor="end">${(v / 1e9).toLocaleString("en-US")}</text>`).join("");
  made += `<path d="M${left} 10V${tall - low}H${wide - 10}" stroke="#444" fill="none"/><text x="${(left + wide) / 2}" y="${tall - 8}" text-anchor="middle">op per byte of DRAM traffic (1 MAC = 2 op)</text><text transform="translate(14 ${tall / 2}) rotate(-90)" text-anchor="middle">throughput (Gop/s)</text>`;
  RUNS.forEach((r, n) => {
    const start = 10 ** x0, end = 10 ** x1;
    made += `<clipPath id="clip"><rect x="${left}" y="10" width="${wide - left - 10}" height="${tall - low - 10}"/></clipPath><path clip-path="url(#clip)" d="M${X(start)} ${Y(r.roof.peak * start / r.roof.ridge)}L${X(r.roof.ridge)} ${Y(r.roof.peak)}H${X(end)}" fill="none" stroke="#000" stroke-width="1.5" stroke-dasharray="${n ? "5 4" : ""}" data-tip="${many ? letter(n) + ": " : ""}peak ${prefix(r.roof.peak, "op/s")}, ridge ${r.roof.ridge.toFixed(2)} op/byte"/>`;
  });
  for (const p of points) {
    const roof = Math.min(p.r.roof.peak, p.ops_per_byte * p.r.roof.peak / p.r.roof.ridge);
    const text = `${many ? letter(p.n) + ", " : ""}${p.name}: ${prefix(p.ops_per_s, "op/s")} at ${p.ops_per_byte.toFixed(1)} op/byte, ${percent(p.ops_per_s / roof)} of its roof`;
    made += p.n % 2 ? `<rect x="${X(p.ops_per_byte) - p.size}" y="${Y(p.ops_per_s) - p.size}" width="${2 * p.size}" height="${2 * p.size}" fill="${p.phase ? colourOf(p.phase) : "#000"}" stroke="#fff" data-tip="${esc(text)}"/>`
      : `<circle cx="${X(p.ops_per_byte)}" cy="${Y(p.ops_per_s)}" r="${p.size}" fill="${p.phase ? colourOf(p.phase) : "#000"}" stroke="#fff" fill-opacity="${p.size === 3 ? 0.55 : 1}" data-tip="${esc(text)}"/>`;
  }
  byId("roofline-body").innerHTML = `<svg viewBox="0 0 ${wide} ${tall}" width="${wide}">${made}</svg><p class="soft">Small marks are layers, large ones phases, the black one the whole run${many ? "; circles A, squares B" : ""}; the pointer says more.</p>`;
})();
