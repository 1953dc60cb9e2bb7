// The report's one style sheet: light and dark by the reader's setting, nothing loaded from elsewhere.

let reportStyle = """
  :root { color-scheme: light dark;
    --page: #f6f6f3; --card: #ffffff; --ink: #1c1e21; --soft: #6a6f76; --line: #e3e3de; --axis: #b9bab5;
    --one: #2866c8; --two: #cf6a1c; --three: #2c8a57; --hidden: #2866c814;
    --t0: #2866c8; --t1: #b4530b; --t2: #1e7f4d; --t3: #b5298a; --t4: #7a4fd0; --t5: #9a6a00; --t6: #007f91; --t7: #c22f3d; }
  @media (prefers-color-scheme: dark) { :root {
    --page: #141517; --card: #1e2023; --ink: #e8e8e4; --soft: #9ba0a7; --line: #303338; --axis: #565b62;
    --one: #74a9ff; --two: #ffa257; --three: #62cf92; --hidden: #74a9ff1f;
    --t0: #74a9ff; --t1: #f2a35e; --t2: #66cf97; --t3: #ef86cd; --t4: #b79bff; --t5: #e0b74a; --t6: #5cc9d8; --t7: #ff8c94; } }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 1220px; padding: 36px 24px 60px; background: var(--page); color: var(--ink);
    font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
  h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; font-weight: 650; overflow-wrap: anywhere; }
  h2 { font-size: 17px; margin: 38px 0 12px; font-weight: 620; }
  p { margin: 0 0 10px; } .soft, .none { color: var(--soft); } .note { color: var(--two); }
  .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 22px; }
  .tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
  .tile b { display: block; font-size: 23px; font-weight: 620; font-variant-numeric: tabular-nums; }
  .tile span { color: var(--soft); font-size: 13px; }
  .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 14px; }
  .charts > :only-child > svg { max-width: 720px; }
  .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px 10px; margin: 0; min-width: 0; }
  .card.wide { margin-bottom: 14px; } .charts + .card.wide, .card + .card.wide, .card + .charts { margin-top: 14px; }
  figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 18px; margin-bottom: 8px; }
  figcaption span { color: var(--soft); font-variant-numeric: tabular-nums; }
  .card > svg, .channel > svg { display: block; width: 100%; height: auto; overflow: hidden; }
  .grid { stroke: var(--line); } .axis { stroke: var(--axis); } .tick { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
  polyline { fill: none; stroke-linejoin: round; stroke-linecap: round; }
  .curve { stroke-width: 2.2; } .raw { stroke-width: 1; opacity: .28; }
  polyline.one { stroke: var(--one); } polyline.two { stroke: var(--two); } polyline.three { stroke: var(--three); } polyline.ink { stroke: var(--ink); }
  circle.one { fill: var(--one); } circle.two { fill: var(--two); } circle.three { fill: var(--three); }
  .trace { vector-effect: non-scaling-stroke; stroke-width: 1.7; } .trace.ink { stroke-width: 1.2; opacity: .6; } .trace.two { stroke-dasharray: 3 3; stroke-linecap: butt; }
  rect.hidden { fill: var(--hidden); }
  .channel { display: grid; grid-template-columns: 110px 1fr; gap: 10px; align-items: center; border-top: 1px solid var(--line); padding: 6px 0; }
  .channel span { color: var(--soft); font-size: 13px; overflow-wrap: anywhere; } .channel svg { height: 84px; }
  .keys { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; }
  .key i { display: inline-block; width: 18px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; background: var(--ink); }
  .key i.one { background: var(--one); } .key i.two { background: var(--two); } .key i.hidden { height: 12px; background: var(--hidden); border: 1px solid var(--line); }
  .panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px; max-width: 1100px; }
  .panels img { width: 100%; image-rendering: pixelated; border-radius: 6px; display: block; } .panels span { color: var(--soft); font-size: 13px; }
  .letters .row { display: grid; grid-template-columns: 130px 1fr 120px; gap: 10px; border-top: 1px solid var(--line); padding: 5px 0; }
  .letters span, .letters em { color: var(--soft); font-size: 13px; font-style: normal; }
  code { font: 14px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
  .letters i { font-style: normal; } .letters i.seen { opacity: .38; } .letters i.right { font-weight: 750; } .letters i.wrong { text-decoration: line-through; opacity: .8; } .gap { text-decoration: none; color: var(--axis); }
  .t0 { color: var(--t0); } .t1 { color: var(--t1); } .t2 { color: var(--t2); } .t3 { color: var(--t3); } .t4 { color: var(--t4); } .t5 { color: var(--t5); } .t6 { color: var(--t6); } .t7 { color: var(--t7); }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
  th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; } tr:last-child td { border-bottom: 0; } td.number, th.number { text-align: right; } td.best { font-weight: 650; }
  pre { margin: 0; overflow-x: auto; columns: 2 360px; column-gap: 40px; font: 13px/1.65 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
  pre u { text-decoration: none; color: var(--one); } pre s { display: block; column-span: all; white-space: pre-wrap; text-decoration: none; color: var(--soft); }
  small { font-size: 13px; font-weight: 400; color: var(--soft); margin-left: 8px; } a { color: var(--one); }
  .gauge { position: relative; height: 12px; min-width: 120px; background: var(--hidden); border-radius: 3px; } .gauge i { display: block; height: 100%; background: var(--one); border-radius: 3px; }
  .gauge u { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1px; background: var(--ink); border-radius: 2px; } td.wide { width: 24%; }
  td.reason { white-space: normal; min-width: 300px; } .own { stroke: currentColor; } .keys .key { color: var(--soft); } .key i.own { background: currentColor; } .keys .key.t0 { color: var(--t0); } .keys .key.t1 { color: var(--t1); } .keys .key.t2 { color: var(--t2); } .keys .key.t3 { color: var(--t3); } .keys .key.t4 { color: var(--t4); } .keys .key.t5 { color: var(--t5); } .keys .key.t6 { color: var(--t6); } .keys .key.t7 { color: var(--t7); }
  .split { display: grid; grid-template-columns: 70px 1fr; gap: 4px 12px; align-items: center; padding: 6px 0; } .split > span { color: var(--soft); font-size: 13px; } .split .keys { grid-column: 2; }
  .bar { display: flex; height: 16px; border-radius: 4px; overflow: hidden; background: var(--line); } .bar i { min-width: 1px; flex-basis: 0; }
  .bar .one, .key i.box.one { background: var(--one); } .bar .two, .key i.box.two { background: var(--two); } .bar .three, .key i.box.three { background: var(--three); } .bar .four, .key i.box.four { background: var(--t4); } .bar .idle, .key i.box.idle { background: var(--axis); } .key i.box { width: 10px; height: 10px; }
  .confusion { width: auto; } .confusion th { font-size: 12px; padding: 2px 8px 2px 0; border: 0; text-align: right; } .confusion td { width: 34px; min-width: 30px; height: 26px; padding: 0 3px; text-align: center; font-size: 11px; border: 1px solid var(--line); }
  .confusion td.hit { background: color-mix(in srgb, var(--three) calc(var(--share) * 0.65), transparent); } .confusion td.miss { background: color-mix(in srgb, var(--two) calc(var(--share) * 0.65), transparent); }
  .confusion .turned { vertical-align: bottom; padding: 0 0 4px; text-align: center; } .confusion .turned span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; max-height: 190px; overflow: hidden; }
  footer { margin-top: 36px; color: var(--soft); font-size: 13px; }
  @media (max-width: 560px) { body { padding: 20px 12px 40px; } .charts { grid-template-columns: minmax(0, 1fr); } .split { grid-template-columns: 1fr; } .split .keys { grid-column: 1; } .channel, .letters .row { grid-template-columns: 1fr; gap: 2px; } }
  """
