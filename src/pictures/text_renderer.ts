import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import type {Resvg as ResvgClass} from '@resvg/resvg-js';
import {encodePng, type Pixels} from '../io/png.js';
import {fitText} from './fit_text.js';
import type {PictureText} from './picture.js';

/** Draws texts on pixels. */
export type TextRenderer = (
  pixels: Pixels,
  texts: readonly PictureText[],
) => Pixels;

/** @throws one sentence if the library that draws text is not installed. */
export async function loadTextRenderer(): Promise<TextRenderer> {
  let Resvg: typeof ResvgClass;
  try {
    ({Resvg} = await import('@resvg/resvg-js'));
  } catch (error) {
    throw new Error(
      'Texts in pictures need the package @resvg/resvg-js: npm install --ignore-scripts @resvg/resvg-js',
      {cause: error},
    );
  }
  const fontFiles = [findFont()];
  return (pixels, texts) => {
    const font = {
      fontFiles,
      defaultFontFamily: 'Arimo',
      loadSystemFonts: texts.some(({text}) => FOREIGN.test(text)),
    };
    return drawTexts(svg => new Resvg(svg, {font}), pixels, texts);
  };
}

/** Letters that Arimo lacks. Searching the system for fonts takes time. */
const FOREIGN = /[\u0600-\u1dff\u2300-\u{10ffff}]/u;

/** The font Arimo, which the build copies into the package: a container may have none. */
function findFont(): string {
  const copied = new URL('../vendor/Arimo_400Regular.ttf', import.meta.url);
  if (existsSync(copied)) return fileURLToPath(copied);
  return createRequire(import.meta.url).resolve(
    '@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf',
  );
}

function drawTexts(
  render: (svg: string) => ResvgClass,
  pixels: Pixels,
  texts: readonly PictureText[],
): Pixels {
  const [height, width] = pixels.shape;
  const measure = (text: string, size: number) =>
    render(svgOf(width, height, textElement({text, size}))).getBBox()?.width ??
    0;
  const elements = texts.map(text => {
    const {size, maxWidth} = text;
    // No character is much wider than the font's size.
    const fitted =
      text.text.length * size <= maxWidth
        ? text.text
        : fitText(text.text, maxWidth, t => measure(t, size));
    return textElement({...text, text: fitted});
  });
  const png = encodePng(pixels).toString('base64');
  const image = `<image width="${width}" height="${height}" href="data:image/png;base64,${png}"/>`;
  const drawn = render(
    svgOf(width, height, image + elements.join('')),
  ).render();
  return {data: drawn.pixels, shape: [drawn.height, drawn.width, 4]};
}

function svgOf(width: number, height: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="Arimo">${content}</svg>`;
}

function textElement({
  text,
  size,
  x = 0,
  y = 0,
  align = 'left',
  color = '#000000',
}: Pick<PictureText, 'text' | 'size'> & Partial<PictureText>): string {
  const anchor = align === 'center' ? 'middle' : 'start';
  return `<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${color}">${escapeXml(text)}</text>`;
}

/** Characters that XML forbids are left out. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/[&<>]/g, c => `&#${c.charCodeAt(0)};`);
}
