//! The look of the page, for screens in light and dark and for paper.

/// Colours are variables, so that plots follow the page.
pub(crate) const STYLE: &str = "
:root {
  --ground: #fcfcfa; --panel: #ffffff; --ink: #1b1f24; --soft: #5b6470; --line: #d9dde2;
  --ours: #0b6e69; --ours2: #4fa8a2; --hash-a: #c2571a; --hash-b: #7a6fb0;
  --right: #0b6e69; --other: #c08a1e; --stranger: #b3262e;
  --good: 46, 139, 87; --bad: 196, 58, 49; --fair: 214, 158, 46;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --panel: #1b1f23; --ink: #e6e8ea; --soft: #9aa4ae; --line: #333a41;
    --ours: #4cc2b8; --ours2: #2c7f79; --hash-a: #e58a4f; --hash-b: #a79cdc;
    --right: #4cc2b8; --other: #d9ab4a; --stranger: #ef6f70;
    --good: 64, 170, 110; --bad: 220, 84, 76; --fair: 214, 158, 46;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 80rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0 .7rem; max-width: 62rem; }
.soft { color: var(--soft); }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; padding: 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; flex: 1 1 11rem; }
.card b { display: block; font-size: 1.55rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: .85rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .2rem .42rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
tbody tr.sum td { border-top: 2px solid var(--soft); font-weight: 600; }
td.family { font-weight: 600; color: var(--soft); padding-top: .7rem; }
td small { color: var(--soft); font-size: .9em; }
th.theirs, td.theirs { border-left: 1px solid var(--line); }
.heat td { text-align: center; }
.heat td:first-child { text-align: left; }
figure { margin: .8rem 0 1.4rem; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
figcaption { font-size: .88rem; color: var(--soft); margin-bottom: .4rem; }
figcaption b { color: var(--ink); }
svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, -apple-system, 'Segoe UI', Arial, sans-serif; fill: var(--ink); }
svg .soft { fill: var(--soft); } svg .end { text-anchor: end; } svg .mid { text-anchor: middle; }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .axis { stroke: var(--soft); stroke-width: 1; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 0 1rem; }
.key { display: inline-flex; align-items: center; gap: .35rem; margin-right: 1.1rem; }
.key i { width: .8rem; height: .8rem; border-radius: 2px; display: inline-block; }
ul { padding-left: 1.2rem; } li { margin: .2rem 0; max-width: 62rem; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .85rem; border-top: 1px solid var(--line); padding-top: .7rem; }
@media print {
  :root {
    --ground: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --ours: #0b6e69; --ours2: #4fa8a2; --hash-a: #c2571a; --hash-b: #7a6fb0;
    --right: #0b6e69; --other: #c08a1e; --stranger: #b3262e;
  }
  @page { size: A4 landscape; margin: 11mm; }
  body { max-width: none; padding: 0; font-size: 9pt; }
  .wide { overflow: visible; }
  table { font-size: 7.6pt; }
  th, td { padding: .1rem .3rem; }
  .card { flex-basis: 8rem; }
  .pair { grid-template-columns: 1fr 1fr; }
  svg { max-height: 160mm; }
  h2, h2 + p { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  section { break-inside: auto; }
  td, rect, circle, path { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
";
