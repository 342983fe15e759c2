export const STYLE = `
:root { color-scheme: light dark; --text: #1b1b1b; --page: #fff; --head: #f2f2f2; --line: #c4c4c4; --falls: #8c1d18; --survives: #14602a; --shade: 70% 85%; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --page: #161616; --head: #262626; --line: #4a4a4a; --falls: #ff9d94; --survives: #7fdb9a; --shade: 45% 22%; } }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; }
h2 { margin-top: 2.5rem; }
h3 { margin: 2rem 0 .3rem; }
.scroll { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border: 1px solid var(--line); padding: .35rem .5rem; text-align: center; }
th { background: var(--head); }
th[scope=row], thead th:first-child { position: sticky; left: 0; text-align: left; }
th[scope=row] { max-width: 16rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) { tbody th[scope=row] { min-width: 5.7rem; max-width: 7rem; } th, td { padding: .3rem; } }
.results td { background: hsl(var(--accuracy) var(--shade)); }
.results td.missing { background: none; }
.results b { display: block; font-size: 1.05rem; }
.results span { display: block; font-size: .75rem; white-space: nowrap; }
.moved td { white-space: nowrap; }
.moved tbody { border-top: 2px solid var(--line); }
.moved tbody th[scope=row] { position: static; }
.moved th[scope=rowgroup] { position: sticky; left: 0; text-align: left; max-width: 7rem; overflow-wrap: anywhere; }
abbr { text-decoration: none; font-weight: 700; }
.strip { display: block; width: 100%; image-rendering: pixelated; border: 1px solid var(--line); }
.pictures img { display: block; width: 64px; height: 64px; margin: 0 auto 2px; image-rendering: pixelated; }
.pictures .falls { color: var(--falls); }
.pictures .survives { color: var(--survives); font-weight: 600; }
summary { cursor: pointer; padding: .4rem 0; }
ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
`;
