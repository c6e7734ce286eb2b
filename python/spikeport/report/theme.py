"""How a page looks, and the one script it carries: sorting a table by a click on a heading."""

from __future__ import annotations

from typing import Final

PAPER: Final = {"light": "#ffffff", "dark": "#14171c"}
"""The backgrounds that plots are drawn on."""

STYLE: Final = """
:root { color-scheme: light dark; --paper: LIGHT; --ink: #1a1f27; --quiet: #5c6672; --line: #dfe3e8;
  --wash: #f4f6f8; --accent: #0b6bcb; --good: #0a7d4f; --fair: #0b6bcb; --doubt: #9a5b00; --bad: #c02626; }
@media (prefers-color-scheme: dark) { :root { --paper: DARK; --ink: #e6e9ee; --quiet: #9aa4b1;
  --line: #2c323b; --wash: #1b2027; --accent: #6cb2ff; --good: #4cc38a; --fair: #6cb2ff;
  --doubt: #f0b35a; --bad: #ff8585; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
header, main { max-width: 1120px; margin: 0 auto; padding: 0 clamp(16px, 4vw, 40px); }
header { padding-top: clamp(24px, 5vw, 56px); }
h1 { font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.15; letter-spacing: -0.02em; margin: 0; }
footer { color: var(--quiet); max-width: 1120px; margin: 0 auto; padding: 24px clamp(16px, 4vw, 40px) 40px; }
header p { color: var(--quiet); margin: 8px 0 0; white-space: pre-line; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 20px; padding: 10px 0;
  border-bottom: 1px solid var(--line); font-size: 0.9rem; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
section { margin: 40px 0; scroll-margin-top: 16px; }
h2 { font-size: 1.25rem; letter-spacing: -0.01em; margin: 0 0 14px; }
h1, h2, h3, figcaption { overflow-wrap: anywhere; }
p { max-width: 72ch; white-space: pre-line; overflow-wrap: anywhere; }
pre { background: var(--wash); border-radius: 8px; padding: 12px 14px; overflow-x: auto; font-size: 0.85rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr));
  gap: 20px 28px; }
.columns > div { min-width: 0; }
figure { margin: 0 0 16px; }
figure svg { display: block; width: 100%; max-width: 680px; height: auto; color: var(--ink); }
figure.wide .plot { overflow-x: auto; } figure.wide svg { min-width: 620px; max-width: none; }
figure.network .plot { overflow: auto; max-height: min(75vh, 720px); border: 1px solid var(--line);
  border-radius: 10px; padding: 12px; }
figure.network .plot:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
figure.network svg { width: auto; height: auto; max-width: none; margin: 0 auto; flex: none; }
.network path { fill: none; stroke: var(--quiet); stroke-width: 1.5; }
.network .head { fill: var(--quiet); stroke: none; }
.network .skip path { stroke: var(--accent); stroke-width: 2; }
.network .skip .head { fill: var(--accent); stroke: none; }
.network rect { fill: var(--wash); stroke: var(--quiet); }
.network .join rect { stroke: var(--accent); stroke-width: 2; } .network .start rect { fill: var(--paper); }
.network text { fill: var(--ink); } .network text + text { fill: var(--quiet); }
.network rect + text { font-weight: 600; }
@media (max-width: 660px) {
  figure.wide::before { content: "scroll sideways →"; color: var(--quiet); font-size: 0.8rem; }
  td:not(.number) { min-width: 7rem; } td:not(.number):last-child { min-width: 14rem; }
}
figcaption { color: var(--quiet); font-size: 0.88rem; margin-top: 4px; max-width: 72ch; }
.card { border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px; margin-bottom: 12px; }
.card h3 { font-size: 1rem; margin: 0 0 6px; display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; }
.card p { margin: 4px 0; } .card p + p { color: var(--quiet); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px;
  margin: 0 0 20px; }
.tiles > div { background: var(--wash); border-radius: 10px; padding: 12px 16px; }
.tiles dt { color: var(--quiet); font-size: 0.82rem; }
.tiles dd { margin: 2px 0 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; margin-bottom: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 8px 12px; vertical-align: top; }
td { border-top: 1px solid var(--line); }
th { background: var(--wash); color: var(--quiet); font-weight: 600; font-size: 0.82rem;
  white-space: nowrap; }
th:has(+ th), td:has(+ td) { padding-right: 8px; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number button { flex-direction: row-reverse; }
th button { all: unset; cursor: pointer; display: inline-flex; gap: 4px; }
th button::after { content: "\\2195"; opacity: 0.35; }
th[aria-sort="ascending"] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "\\2193"; opacity: 1; }
th button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.badge { display: inline-block; padding: 1px 9px; border-radius: 999px; border: 1px solid currentColor;
  font-size: 0.78rem; font-weight: 600; color: var(--quiet); white-space: nowrap; }
.badge-exact, .badge-pass { color: var(--good); }
.badge-bounded, .badge-info { color: var(--fair); }
.badge-measured, .badge-warning { color: var(--doubt); }
.badge-unchecked, .badge-critical, .badge-fail { color: var(--bad); }
@media print { nav { display: none; } section { break-inside: avoid; } }
""".replace("LIGHT", PAPER["light"]).replace("DARK", PAPER["dark"])

SCRIPT: Final = """
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], headings = [...table.tHead.rows[0].cells];
  const key = (row, i) => row.cells[i].dataset.sort ?? row.cells[i].textContent;
  const compare = (a, b) => (a !== "" && b !== "" && !isNaN(a) && !isNaN(b)) ? a - b
    : a.localeCompare(b, undefined, { numeric: true });
  headings.forEach((heading, i) => {
    if (body.rows[0]?.cells[i].classList.contains("number")) heading.classList.add("number");
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => compare(key(a, i), key(b, i)));
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
"""
