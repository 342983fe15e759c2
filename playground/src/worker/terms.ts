import * as tf from '@tensorflow/tfjs';
import {
  colorSpaces,
  ReColor,
  Sequence,
  StAdv,
  type ThreatModel,
} from 'tfjs-adversarial';
import type {Step} from '../protocol';

/** Colors shown at most: more only hide one another. */
const COLORS = 1024;

/**
 * What the terms of a threat model do to one picture: the flow of S, and the
 * colors before and after C. Of the first S and the first C, where there are
 * several.
 */
export async function look(
  threatModel: ThreatModel,
  image: tf.Tensor4D,
  parameters: tf.Tensor[],
): Promise<Pick<Step, 'flow' | 'colors'>> {
  const terms =
    threatModel instanceof Sequence ? threatModel.terms : [threatModel];
  const own = split(terms, parameters);
  const flow = terms.findIndex(term => term instanceof StAdv);
  const color = terms.findIndex(term => term instanceof ReColor);
  return {
    ...(flow >= 0 && {flow: await flowInPixels(own[flow][0])}),
    ...(color >= 0 && {colors: await colorsAround(terms, own, color, image)}),
  };
}

/** Each term's own parameters. */
function split(terms: ThreatModel[], parameters: tf.Tensor[]): tf.Tensor[][] {
  let at = 0;
  return terms.map(term => {
    const from = at;
    at += term.bounds().length;
    return parameters.slice(from, at);
  });
}

/** The image spans 2 between the centers of its corner pixels. */
async function flowInPixels(flow: tf.Tensor): Promise<Float32Array> {
  const [, height, width] = flow.shape;
  const scaled = tf.tidy(() =>
    tf.mul(flow, tf.tensor1d([(width - 1) / 2, (height - 1) / 2])),
  );
  return values(scaled);
}

async function colorsAround(
  terms: ThreatModel[],
  own: tf.Tensor[][],
  place: number,
  image: tf.Tensor4D,
) {
  const [before, after] = tf.tidy(() => {
    let from = image;
    for (let i = 0; i < place; i++) from = terms[i].apply(from, own[i], null);
    const to = terms[place].apply(from, own[place], null);
    return [from, to].map(x => sampled(colorSpaces.luv.fromRgb(x)));
  });
  return {before: await values(before), after: await values(after)};
}

/** Every k-th color, in the units of CIELUV. */
function sampled(luv: tf.Tensor4D): tf.Tensor {
  const colors = tf.reshape(luv, [-1, 3]);
  const [count] = colors.shape;
  const stride = Math.ceil(count / COLORS);
  const some = tf.stridedSlice(colors, [0, 0], [count, 3], [stride, 1]);
  return tf.sub(tf.mul(some, [100, 200, 200]), [0, 100, 100]);
}

export async function values(tensor: tf.Tensor): Promise<Float32Array> {
  // A copy: the buffer is handed over to the page.
  const data = Float32Array.from(await tensor.data());
  tensor.dispose();
  return data;
}
