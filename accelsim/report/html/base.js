"use strict";
const RUNS = JSON.parse(document.getElementById("data").textContent).runs;
const STATUS = ["idle", "busy", "starved", "blocked"];
const COLOUR = {busy: "#0072B2", starved: "#F0E442", blocked: "#D55E00", idle: "#DDDDDD"};
const PHASE = {attention: "#D55E00", qkv: "#0072B2", proj: "#56B4E9", mlp: "#009E73", norm: "#F0E442", embed: "#CC79A7", head: "#000000", conv: "#E69F00", elementwise: "#999999", other: "#DDDDDD"};
const SPARE = ["#E69F00", "#999999", "#8073ac", "#b35806", "#542788"];
const byId = id => document.getElementById(id);
const esc = text => String(text).replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const whole = n => n == null ? "" : Math.round(n).toLocaleString("en-US");
const percent = x => x == null ? "" : (100 * x).toFixed(1) + " %";
const prefix = (value, unit) => {
  if (value == null) return "";
  if (!value) return "0 " + unit;
  const e = Math.min(Math.max(Math.floor(Math.log10(Math.abs(value)) / 3), -4), 4);
  return (value / 1000 ** e).toPrecision(3) + " " + ["p", "n", "u", "m", "", "k", "M", "G", "T"][e + 4] + unit;
};
const joules = pj => pj == null ? "" : prefix(pj * 1e-12, "J");
const unknown = [...new Set(RUNS.flatMap(r => r.phases.map(p => p.name)))].filter(p => !(p in PHASE));
const colourOf = phase => PHASE[phase] || SPARE[unknown.indexOf(phase) % SPARE.length];
const label = (r, n) => RUNS.length > 1 ? `<h3>${"ABCDEFGH"[n] || n + 1}: ${esc(r.name)}</h3>` : "";
const letter = n => "ABCDEFGH"[n] || String(n + 1);

const tip = byId("tip");
function tell(event, text) {
  tip.style.display = text ? "block" : "none";
  if (!text) return;
  tip.textContent = text;
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
}
document.addEventListener("mousemove", e => {
  const held = e.target.closest && e.target.closest("[data-tip]");
  if (held) tell(e, held.dataset.tip); else if (e.target.tagName !== "CANVAS") tell(e, "");
});

function table(head, rows) {
  const cells = (row, tag) => row.map(c => `<${tag}>${c}</${tag}>`).join("");
  return `<table><thead><tr>${cells(head, "th")}</tr></thead><tbody>${rows.map(r => `<tr>${cells(r, "td")}</tr>`).join("")}</tbody></table>`;
}
function ratio(first, other, lessIsBetter) {
  if (first == null || other == null || !first) return "";
  const change = other / first - 1;
  const good = Math.abs(change) < 5e-5 ? "" : (change < 0) === lessIsBetter ? "better" : "worse";
  return `<span class="${good}">${change >= 0 ? "+" : ""}${(100 * change).toFixed(2)} %</span>`;
}
function bars(parts, wide = 1000, tall = 26) {
  const total = parts.reduce((sum, p) => sum + p.value, 0) || 1;
  let x = 0;
  const drawn = parts.map(p => {
    const w = wide * p.value / total, at = x;
    x += w;
    const name = w > 7 * p.name.length + 8 ? `<text x="${at + w / 2}" y="${tall / 2 + 4}" text-anchor="middle" style="fill:${p.dark ? "#fff" : "#111"};pointer-events:none">${esc(p.name)}</text>` : "";
    return `<rect x="${at}" y="0" width="${Math.max(w, 0)}" height="${tall}" fill="${p.colour}" data-tip="${esc(p.tip)}"/>${name}`;
  });
  return `<svg viewBox="0 0 ${wide} ${tall}" width="${wide}" height="${tall}">${drawn.join("")}</svg>`;
}
function horizontal(rows, unit, colour) {
  const most = Math.max(...rows.map(r => r.high ?? r.value), 1e-30), wide = 560, name = 190, step = 19;
  const at = v => name + (wide - name - 110) * v / most;
  const drawn = rows.map((r, i) => {
    const y = i * step + 2, end = at(Math.max(r.value, r.high ?? 0));
    const whisker = r.high == null ? "" : `<path d="M${at(r.low)} ${y + 7}H${at(r.high)}M${at(r.low)} ${y + 4}v6M${at(r.high)} ${y + 4}v6" stroke="#000" stroke-width="0.8"/>`;
    return `<g data-tip="${esc(r.tip || "")}"><text x="${name - 6}" y="${y + 11}" text-anchor="end">${esc(r.name)}</text><rect x="${name}" y="${y}" width="${at(r.value) - name}" height="14" fill="${r.colour || colour}"/>${whisker}<text x="${end + 5}" y="${y + 11}">${esc(r.said)}</text></g>`;
  });
  return `<svg viewBox="0 0 ${wide} ${rows.length * step + 4}" width="${wide}">${drawn.join("")}</svg>`;
}
