export const STYLE = `
:root { color-scheme: light; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; }
h2 { margin-top: 2.5rem; }
h3 { margin: 2rem 0 .3rem; }
.scroll { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { border: 1px solid #c4c4c4; padding: .35rem .5rem; text-align: center; }
th { background: #f2f2f2; }
th[scope=row], thead th:first-child { position: sticky; left: 0; text-align: left; }
th[scope=row] { max-width: 16rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) { th[scope=row] { max-width: 7rem; } th, td { padding: .3rem; } }
.results b { display: block; font-size: 1.05rem; }
.results span { display: block; font-size: .75rem; white-space: nowrap; }
abbr { text-decoration: none; font-weight: 700; }
.strip { display: block; width: 100%; image-rendering: pixelated; border: 1px solid #c4c4c4; }
.pictures img { display: block; width: 64px; height: 64px; margin: 0 auto 2px; image-rendering: pixelated; }
.pictures .falls { color: #8c1d18; }
.pictures .survives { color: #14602a; font-weight: 600; }
summary { cursor: pointer; padding: .4rem 0; }
ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
`;
