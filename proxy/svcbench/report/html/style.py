"""The page's style: system fonts, the reader's light or dark, and charts that scroll on a narrow screen."""

from __future__ import annotations

STYLE = """\
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1a1f27; --faint: #5b6573; --line: #dde2e9;
  --soft: #f3f5f8;
  --c0: #1f6fbf; --c1: #c2410c; --c2: #15803d; --c3: #9d2f8f; --c4: #a16207; --c5: #0e7490; --c6: #b91c1c;
  --c7: #57534e; --better: #15803d; --worse: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e6eaf0; --faint: #9aa5b4; --line: #2d3540;
  --soft: #1b212a; --c0: #6cb2f5; --c1: #fb923c; --c2: #4ade80; --c3: #e58bd8; --c4: #facc15; --c5: #22d3ee;
  --c6: #f87171; --c7: #c8c3bd; --better: #4ade80; --worse: #f87171; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; } .faint, figcaption { color: var(--faint); font-size: .9rem; }
figcaption strong { color: var(--ink); } figure { margin: 0 0 1.5rem; }
.wide { overflow-x: auto; } svg { display: block; width: 100%; min-width: 34rem; height: auto; }
svg.bars { max-width: 48rem; } svg.narrow { max-width: 36rem; min-width: 20rem; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .4rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; font-weight: normal; }
th:first-child { text-align: left; } thead th { color: var(--faint); }
.pair { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: start; } .pair .wide { flex: 1 1 22rem; }
table.words { white-space: normal; overflow-wrap: anywhere; } table.words td { text-align: left; }
.alarm { border: 2px solid var(--worse); border-radius: .4rem; padding: .5rem .75rem; margin: 1rem 0; }
.grid { stroke: var(--line); } .fair { stroke: var(--ink); stroke-dasharray: 5 4; } .bar { fill: var(--c0); }
.curve { fill: none; stroke-width: 2; } .twin { fill: none; stroke-width: 1; stroke-dasharray: 1 3; }
.interval { stroke-width: 3; } .unsure { stroke: var(--faint); fill: var(--faint); }
.better { stroke: var(--better); fill: var(--better); } .worse { stroke: var(--worse); fill: var(--worse); }
.d1 { stroke-dasharray: 7 4; } .d2 { stroke-dasharray: 2 3; }
.c0 { stroke: var(--c0); border-color: var(--c0); } .c1 { stroke: var(--c1); border-color: var(--c1); }
.c2 { stroke: var(--c2); border-color: var(--c2); } .c3 { stroke: var(--c3); border-color: var(--c3); }
.c4 { stroke: var(--c4); border-color: var(--c4); } .c5 { stroke: var(--c5); border-color: var(--c5); }
.c6 { stroke: var(--c6); border-color: var(--c6); } .c7 { stroke: var(--c7); border-color: var(--c7); }
.key { display: inline-block; margin-right: .75rem; padding-left: .4rem; border-left-width: 1.2rem;
  border-left-style: solid; line-height: 1; overflow-wrap: anywhere; }
.key.d1 { border-left-style: dashed; } .key.d2 { border-left-style: dotted; }
"""
