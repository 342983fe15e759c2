import * as tf from '@tensorflow/tfjs';
import {ReColor} from '../../src/attacks/threat_models/recolor.js';
import {Sequence} from '../../src/attacks/threat_models/sequence.js';
import {parseSpec} from '../../src/attacks/threat_models/spec.js';
import type {
  ThreatModel,
  Variant,
} from '../../src/attacks/threat_models/threat_model.js';

export const SIZE = 6;
export const CLASSES = 3;

/** A small lattice, coarse enough for the slowest backend. */
export const RESOLUTION = [3, 4, 5] as const;

/** The threat model of a spec, with small lattices. */
export function small(spec: string, variant: Variant = 'paper'): ThreatModel {
  const shrink = (model: ThreatModel): ThreatModel => {
    if (model instanceof Sequence) return new Sequence(model.terms.map(shrink));
    if (!(model instanceof ReColor)) return model;
    const {space, epsilon, smooth} = model;
    const resolution = RESOLUTION;
    return new ReColor({space, epsilon, smooth, variant, resolution});
  };
  return shrink(parseSpec(spec, variant));
}

/** Images uniform in [0, 1], [n, size, size, channels]. */
export function toyImages(
  n: number,
  {seed = 1, size = SIZE, channels = 3} = {},
): tf.Tensor4D {
  return tf.randomUniform(
    [n, size, size, channels],
    0,
    1,
    'float32',
    String(seed),
  );
}

export interface ToyOptions {
  seed?: number;
  /** What the model ends in. */
  end?: 'softmax' | 'logits';
  channels?: number;
  batchNormalization?: boolean;
  dropout?: boolean;
}

/** Layers of a small convolutional classifier with weights that depend on `seed` alone. */
export function toyLayers({
  seed = 1,
  end = 'softmax',
  channels = 3,
  batchNormalization = false,
  dropout = false,
}: ToyOptions = {}): tf.layers.Layer[] {
  const kernelInitializer = (i: number) =>
    tf.initializers.varianceScaling({
      scale: 3,
      mode: 'fanIn',
      distribution: 'normal',
      seed: seed * 100 + i,
    });
  return [
    tf.layers.conv2d({
      inputShape: [SIZE, SIZE, channels],
      filters: 4,
      kernelSize: 3,
      padding: 'same',
      kernelInitializer: kernelInitializer(1),
    }),
    ...(batchNormalization ? [tf.layers.batchNormalization()] : []),
    tf.layers.activation({activation: 'relu'}),
    ...(dropout ? [tf.layers.dropout({rate: 0.5, seed: 7})] : []),
    tf.layers.flatten(),
    tf.layers.dense({
      units: CLASSES,
      activation: end === 'softmax' ? 'softmax' : 'linear',
      kernelInitializer: kernelInitializer(2),
    }),
  ];
}

export function toyModel(options: ToyOptions = {}): tf.Sequential {
  return tf.sequential({layers: toyLayers(options)});
}

/** What the model says of these images, as class indices: labels it gets right. */
export function ownLabels(
  model: tf.LayersModel,
  images: tf.Tensor4D,
): tf.Tensor1D {
  return tf.tidy(
    () => tf.argMax(model.predict(images) as tf.Tensor, 1) as tf.Tensor1D,
  );
}

/** Another class than each label. */
export function otherLabels(labels: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => {
    const next = Array.from(labels.dataSync(), l => (l + 1) % CLASSES);
    return tf.tensor1d(next, 'int32');
  });
}
