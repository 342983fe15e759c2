import {hsv} from './hsv.js';
import {luv} from './luv.js';
import {rgb} from './rgb.js';
import {ypbpr} from './ypbpr.js';

/** The color spaces in which {@link ReColor} can recolor. */
export const colorSpaces = {luv, rgb, ypbpr, hsv};

/** Names of {@link colorSpaces}. */
export type ColorSpaceName = keyof typeof colorSpaces;
