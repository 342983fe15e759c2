import * as tf from '@tensorflow/tfjs';
import {attack, logits} from 'tfjs-adversarial';
import type {AttackRequest, FromWorker, Outcome, Picture} from '../protocol';
import {type Network, robustModel} from './models';
import {look, values} from './terms';

/**
 * Attacks one picture on every chosen model, one step of each in turn.
 *
 * @param tell Is told of every step and of the outcomes.
 */
export async function runAttack(
  {models, pictures, label, spec, steps}: AttackRequest,
  signal: AbortSignal,
  tell: (message: FromWorker) => void,
): Promise<void> {
  const networks: Network[] = [];
  for (const model of models) networks.push(await robustModel(model));
  // Few steps reach as far as 100 of 0.001.
  const search = attack(spec, {
    steps,
    learningRate: Math.max(0.001, 0.1 / steps),
  });
  const one = async (index: number): Promise<Outcome> => {
    const network = networks[index];
    const image = toTensor(pictures[index]);
    const clean = await probabilities(network, image);
    const truth = label ?? clean.indexOf(Math.max(...clean));
    const labels = tf.tensor1d([truth], 'int32');
    const begin = performance.now();
    const {adversarial, margin, success, sizes} = await search.perturbAsync(
      network,
      image,
      labels,
      {
        signal,
        onIterate: async iterate => {
          tell({
            type: 'step',
            index,
            step: iterate.step,
            margin: (await iterate.margin.data())[0],
            image: Float32Array.from(await iterate.adversarial.data()),
            ...(await look(search.threatModel, image, iterate.parameters)),
          });
        },
      },
    );
    const milliseconds = performance.now() - begin;
    const outcome: Outcome = {
      index,
      label: truth,
      clean,
      adversarial: await probabilities(network, adversarial),
      margin: (await values(margin))[0],
      sizes: await numbers(sizes),
      image: await values(adversarial),
      milliseconds,
    };
    tf.dispose([image, labels, success]);
    return outcome;
  };
  await Promise.all(
    models.map(async (_, index) =>
      tell({type: 'outcome', ...(await one(index))}),
    ),
  );
}

function toTensor({pixels, height, width}: Picture): tf.Tensor4D {
  return tf.tensor4d(pixels, [1, height, width, 3]);
}

async function probabilities(
  network: Network,
  image: tf.Tensor4D,
): Promise<number[]> {
  const softmax = tf.tidy(() => tf.softmax(logits(network, image)));
  return [...(await values(softmax))];
}

async function numbers(
  sizes: Record<string, tf.Tensor1D>,
): Promise<Record<string, number>> {
  const entries = Object.entries(sizes).map(
    async ([term, size]) => [term, (await values(size))[0]] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
