/**
 * Bytes of CMYK pixels as RGB: r = (1 − c)(1 − k) and likewise g and b, without a
 * color profile, as Pillow converts. 255 is full ink.
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0, o = 0; i < cmyk.length; i += 4) {
    const light = 255 - cmyk[i + 3];
    for (let c = 0; c < 3; c++) {
      rgb[o++] = light - Math.round((cmyk[i + c] * light) / 255);
    }
  }
  return rgb;
}

/**
 * Bytes of RGB pixels as gray values, 0.299 r + 0.587 g + 0.114 b (ITU-R BT.601): what
 * Pillow, Keras and torchvision make of a color picture. In 16-bit fractions, as
 * Pillow rounds.
 */
export function rgbToGray(rgb: Uint8Array): Uint8Array {
  const gray = new Uint8Array(rgb.length / 3);
  for (let i = 0, o = 0; i < rgb.length; i += 3) {
    gray[o++] =
      (19595 * rgb[i] + 38470 * rgb[i + 1] + 7471 * rgb[i + 2] + 0x8000) >> 16;
  }
  return gray;
}
