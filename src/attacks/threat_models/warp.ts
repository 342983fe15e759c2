import * as tf from '@tensorflow/tfjs';
import {gatherFlat, sumByIndex} from '../../ops/gather_flat.js';

/**
 * Where each output pixel is read from, in pixels, as a function of the flow
 * (in units in which the image spans [−1, 1] between the corner pixels' centers).
 */
export type Coordinates = (
  flow: tf.Tensor,
  size: number,
  axis: 0 | 1,
) => tf.Tensor;

/** Pixel index plus flow: exactly the pixel itself where the flow is zero. */
export const exactCoordinates: Coordinates = (flow, size, axis) =>
  tf.add(pixelRange(size, axis), tf.mul(flow, (size - 1) / 2));

/**
 * The same with the rounding of PyTorch's `linspace` and `grid_sample`, which
 * decides on which side of a whole number a pixel's own place falls, and so
 * which neighbor its gradient looks at.
 */
export const gridSampleCoordinates: Coordinates = (flow, size, axis) =>
  tf.mul(tf.add(tf.add(samplingGrid(size, axis), flow), 1), (size - 1) / 2);

/** Each pixel's own place between −1 and 1, along rows (axis 0) or columns (axis 1). */
export function samplingGrid(size: number, axis: 0 | 1): tf.Tensor {
  // A single pixel is at −1, as linspace has it, and cannot be read from elsewhere.
  const step = size > 1 ? Math.fround(2 / (size - 1)) : 0;
  const grid = Float32Array.from({length: size}, (_, i) =>
    i < size / 2 ? -1 + i * step : 1 - (size - 1 - i) * step,
  );
  return alongAxis(tf.tensor1d(grid), axis);
}

/** Pixel indices along rows (axis 0) or columns (axis 1). */
function pixelRange(size: number, axis: 0 | 1): tf.Tensor {
  return alongAxis(tf.range(0, size, 1, 'float32'), axis);
}

/** Ready to broadcast over [N, H, W]. */
function alongAxis(values: tf.Tensor1D, axis: 0 | 1): tf.Tensor {
  return tf.reshape(values, axis === 0 ? [1, -1, 1] : [1, 1, -1]);
}

/** The four pixels around each sampling point, each with its weight and the weight's slopes. */
function neighbors(
  flow: tf.Tensor4D,
  [n, height, width]: number[],
  coordinates: Coordinates,
) {
  const [flowX, flowY] = tf.unstack(flow, -1);
  const x = coordinates(flowX, width, 1);
  const y = coordinates(flowY, height, 0);
  const left = tf.floor(x);
  const top = tf.floor(y);
  const right = tf.sub(x, left);
  const bottom = tf.sub(y, top);
  const weightsX = [tf.sub(1, right), right];
  const weightsY = [tf.sub(1, bottom), bottom];
  const starts = tf.reshape(
    tf.range(0, n * height * width, height * width, 'float32'),
    [n, 1, 1],
  );
  const columns = [0, 1].map(i => pixel(tf.add(left, i), width));
  const rows = [0, 1].map(i => pixel(tf.add(top, i), height));
  const corners = [0, 1].flatMap(i =>
    [0, 1].map(j => {
      const inside = tf.mul(rows[i].inside, columns[j].inside);
      const row = tf.add(starts, tf.mul(rows[i].index, width));
      return {
        index: tf.add(row, columns[j].index),
        weight: tf.mul(tf.mul(weightsY[i], weightsX[j]), inside),
        slopeX: tf.mul(tf.mul(weightsY[i], j ? 1 : -1), inside),
        slopeY: tf.mul(tf.mul(weightsX[j], i ? 1 : -1), inside),
      };
    }),
  );
  // A corner's numbers lie side by side: rows of four would be slow to sum.
  const stack = (of: 'index' | 'weight' | 'slopeX' | 'slopeY') =>
    tf.reshape(tf.stack(corners.map(c => c[of])), [4, -1]);
  return {
    indices: tf.cast(tf.reshape(stack('index'), [-1]), 'int32') as tf.Tensor1D,
    weights: stack('weight'),
    slopesX: stack('slopeX'),
    slopesY: stack('slopeY'),
  };
}

/** A row's or column's index, and whether (1 or 0) it is inside the image; outside it all is zero. */
function pixel(position: tf.Tensor, size: number) {
  const index = tf.clipByValue(position, 0, size - 1);
  return {index, inside: tf.cast(tf.equal(index, position), 'float32')};
}

/**
 * Bilinear sampling of each image along its flow field: the output pixel at p is
 * the image's value at p + flow(p), zero outside the image.
 *
 * Source: Xiao et al. 2018, equation 1.
 *
 * @param images [N, H, W, C]
 * @param flow [N, H, W, 2], (x, y), 2 being the distance between the centers of
 *     the image's corner pixels.
 * @param imagesVary Whether the gradient with respect to the images is wanted
 *     too; it costs a scatter.
 */
export function warp(
  images: tf.Tensor4D,
  flow: tf.Tensor4D,
  coordinates: Coordinates,
  imagesVary: boolean,
): tf.Tensor4D {
  const [n, height, width, channels] = images.shape;
  const pixels = n * height * width;
  const planesOf = (t: tf.Tensor) =>
    tf.unstack(t, -1).map(plane => tf.reshape(plane, [-1]));
  const fromPlanes = (planes: tf.Tensor[]) =>
    tf.transpose(
      tf.reshape(tf.stack(planes), [channels, n, height, width]),
      [1, 2, 3, 0],
    );
  const sample = (
    images: tf.Tensor,
    flow: tf.Tensor,
    save: tf.GradSaveFunc,
  ) => {
    const {indices, weights, slopesX, slopesY} = neighbors(
      flow as tf.Tensor4D,
      images.shape,
      coordinates,
    );
    const values = planesOf(images).map(plane =>
      tf.reshape(gatherFlat(plane, indices), [4, pixels]),
    );
    save([indices, weights, slopesX, slopesY, ...values]);
    return fromPlanes(values.map(v => tf.sum(tf.mul(v, weights), 0)));
  };
  const flowGradient = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [, , slopesX, slopesY, ...values] = saved;
    const dot = tf.addN(planesOf(dy).map((d, i) => tf.mul(values[i], d)));
    const x = tf.mul(tf.sum(tf.mul(dot, slopesX), 0), (width - 1) / 2);
    const y = tf.mul(tf.sum(tf.mul(dot, slopesY), 0), (height - 1) / 2);
    return tf.reshape(tf.stack([x, y], -1), [n, height, width, 2]);
  };
  const imageGradient = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [indices, weights] = saved as [tf.Tensor1D, tf.Tensor2D];
    return fromPlanes(
      planesOf(dy).map(d =>
        sumByIndex(tf.reshape(tf.mul(weights, d), [-1]), indices, pixels),
      ),
    );
  };
  if (!imagesVary) {
    return tf.customGrad((flow, save) => ({
      value: sample(images, flow as tf.Tensor, save as tf.GradSaveFunc),
      gradFunc: (dy, saved) => flowGradient(dy, saved as tf.Tensor[]),
    }))(flow) as tf.Tensor4D;
  }
  return tf.customGrad((images, flow, save) => ({
    value: sample(
      images as tf.Tensor,
      flow as tf.Tensor,
      save as tf.GradSaveFunc,
    ),
    gradFunc: (dy, saved) => [
      imageGradient(dy, saved as tf.Tensor[]),
      flowGradient(dy, saved as tf.Tensor[]),
    ],
  }))(images, flow) as tf.Tensor4D;
}
