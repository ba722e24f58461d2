export const STYLE = `
:root { color-scheme: light dark; --b: #0969da; --line: light-dark(#d8dee4, #3d444d); --soft: light-dark(#f6f8fa, #161b22); }
body { margin: 0 auto; max-width: 1500px; padding: 16px 24px 48px; font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; } h2 { font-size: 17px; margin: 28px 0 4px; border-top: 1px solid var(--line); padding-top: 16px; }
h3 { font-size: 14px; margin: 14px 0 4px; } h3 small, p small, td small { font-weight: normal; opacity: 0.65; }
.metric { display: flex; flex-wrap: wrap; gap: 12px; align-items: start; } .metric > :first-child { flex: 1 1 min(580px, 100%); }
.metric > *, p, dl { max-width: 100%; overflow-x: auto; } .metric > :empty { display: none; } th, td + td { white-space: nowrap; } td + td.slower, td + td.faster { white-space: normal; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: right; padding: 1px 8px; vertical-align: top; }
td:first-child, th:first-child { text-align: left; } th { font-weight: normal; opacity: 0.65; }
svg { display: block; } svg text { font-size: 10px; fill: currentColor; opacity: 0.65; }
.warning { background: light-dark(#fff8c5, #3b2e00); padding: 6px 10px; border-radius: 6px; }
.chip { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 6px; }
nav a { margin-right: 12px; } dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; } dt { opacity: 0.65; } dd { margin: 0; }
.faster { color: light-dark(#1a7f37, #3fb950); } .slower { color: light-dark(#cf222e, #f85149); }
`;
