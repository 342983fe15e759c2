import {escapeHtml} from './html_escape.js';
import {STYLE} from './html_style.js';

/** A picture, its attacked form and what has changed, as files beside the page. */
export interface Shown {
  clean: string;
  attacked: string;
  change: string;
  /** Factor by which the change is multiplied. */
  magnify: number;
  /** Its true class, and what the model says before and after. */
  label: string;
  before: string;
  after: string;
}

/** A page that shows pictures of its own folder, with what the model says of each. */
export function htmlGallery({
  title,
  lines,
  shown,
}: {
  title: string;
  lines: string[];
  shown: Shown[];
}): string {
  const figures = shown.map(({clean, attacked, change, magnify, ...names}) => {
    const right = names.after === names.label;
    const picture = (file: string, alt: string) =>
      `<img width="128" height="128" loading="lazy" alt="${escapeHtml(alt)}" src="${escapeHtml(file)}">`;
    return `<figure>
<div>${picture(clean, `${names.label}, clean`)}${picture(attacked, `${names.label}, attacked`)}${picture(change, `the change × ${magnify}`)}</div>
<figcaption>${escapeHtml(names.label)}: <b>${escapeHtml(names.before)}</b> → <b class="${right ? 'survives' : 'falls'}">${escapeHtml(names.after)}</b>; change × ${magnify}</figcaption>
</figure>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
.gallery { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
figure { margin: 0; border: 1px solid var(--line); padding: .5rem; }
figure div { display: flex; gap: .3rem; }
figure img { width: 33%; height: auto; image-rendering: pixelated; }
.falls { color: var(--falls); }
.survives { color: var(--survives); }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${lines.map(line => `<p>${escapeHtml(line)}</p>`).join('\n')}
<p>Each picture as it is, under attack, and what has changed, enlarged, on gray; below, its class, and what the model says before and after.</p>
<div class="gallery">
${figures.join('\n')}
</div>
</main>
</body>
</html>
`;
}
