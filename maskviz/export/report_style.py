"""How a report looks: light, for screens and paper alike."""

from __future__ import annotations

from string import Template

from maskviz.palette import LIGHT

CSS = Template("""
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: $canvas; color: $text; font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 30px; line-height: 1.2; margin: 2px 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0 0 10px; }
h3 { font-size: 16px; margin: 6px 0 8px; overflow-wrap: anywhere; }
p { margin: 6px 0; }
section { background: $card; border: 1px solid $border; border-radius: 10px; padding: 20px 24px; margin: 18px 0; }
.eyebrow, .muted, .evidence { color: $muted; }
.eyebrow { font-size: 13px; font-weight: 600; }
.label { font-size: 13px; font-weight: 600; color: $muted; margin: 10px 0 4px; }
.good { color: $good; } .bad { color: $bad; }
.badge { display: inline-block; border-radius: 999px; padding: 1px 10px; font-size: 13px; font-weight: 600;
  color: #ffffff; background: $accent; }
.badge.error { background: $bad; } .badge.warning { background: #8a6508; } .badge.good { background: $good; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 14px; }
.tile { background: $card; border: 1px solid $border; border-radius: 10px; padding: 10px 18px; min-width: 150px; }
.tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; }
.tile span { color: $muted; font-size: 13px; }
.finding { border-left: 4px solid $accent; padding: 2px 0 4px 16px; margin: 18px 0; }
.finding.error { border-color: $bad; } .finding.warning { border-color: $warning; }
.finding .label:first-child { margin-top: 0; }
.evidence { font-variant-numeric: tabular-nums; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 13px; }
pre { background: $canvas; border: 1px solid $border; border-radius: 6px; padding: 10px 14px; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; margin: 4px 0 10px; }
a { color: $accent; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 8px 0; font-size: 14px; }
th { text-align: left; color: $muted; font-weight: 600; font-size: 13px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid $border; vertical-align: top; overflow-wrap: break-word; }
tr:last-child td { border-bottom: none; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
figure { margin: 12px 0 0; } figure img { width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; }
dt { font-weight: 600; } dd { margin: 0; color: $muted; }
dt i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 8px; vertical-align: -1px; }
@page { margin: 16mm 14mm; }
@media print {
  body { background: #ffffff; font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  section { border: none; padding: 0; margin: 14pt 0; }
  h2, h3, .label { break-after: avoid; }
  tr, figure, pre, .tile { break-inside: avoid; }
  figure img { max-height: 235mm; width: auto; max-width: 100%; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
}
""").substitute({name: getattr(LIGHT, name) for name in LIGHT.__slots__ if name not in ("name", "status")})
