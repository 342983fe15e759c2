import {hsv} from './hsv.js';
import {luv} from './luv.js';
import {rgb} from './rgb.js';
import {ypbpr} from './ypbpr.js';

/** The colour spaces in which {@link ReColor} can recolour. */
export const colorSpaces = {luv, rgb, ypbpr, hsv};

/** Names of {@link colorSpaces}. */
export type ColorSpaceName = keyof typeof colorSpaces;
