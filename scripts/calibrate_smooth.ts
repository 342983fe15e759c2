import * as tf from '@tensorflow/tfjs';
import {
  attack,
  colorSpaces,
  type ImageSet,
  ReColor,
  StAdv,
} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {
  command,
  requiredOption,
  run,
  startBackend,
} from '../src/cli/command_line.js';
import {readCifar10Model} from './models.js';
import {
  backendOption,
  examplesOption,
  threadsOption,
} from '../src/cli/options.js';

const program = command('calibrate_smooth', {
  description:
    "Measures how much neighbors differ in what the paper's attacks make: C and S, Adam, 100 steps, smoothness weight 0.05.",
  examples: [
    'node scripts/run.mjs calibrate_smooth --model robust:D --examples 16',
  ],
})
  .addOption(requiredOption('--model <path>', 'as in npm run evaluate'))
  .addOption(examplesOption(16))
  .addOption(backendOption())
  .addOption(threadsOption());

interface Options {
  model: string;
  examples: number;
  backend?: string;
  threads?: number;
}

/** A field of displacements: its components, and the sizes of its axes. */
interface Field {
  components: Float32Array[];
  sizes: number[];
}

/** Keeps the lattice of each image where its search ends. */
class KeptReColor extends ReColor {
  fields: Field | null = null;

  override sizes(lattice: tf.Tensor[]): Record<string, tf.Tensor1D> {
    const components = lattice.map(t => t.dataSync() as Float32Array);
    this.fields = {components, sizes: [...this.resolution]};
    return super.sizes(lattice);
  }
}

/** Keeps the flow of each image. */
class KeptStAdv extends StAdv {
  fields: Field | null = null;

  override sizes(parameters: tf.Tensor[]): Record<string, tf.Tensor1D> {
    const components = tf.tidy(() =>
      tf.unstack(parameters[0], -1).map(t => t.dataSync() as Float32Array),
    );
    this.fields = {components, sizes: parameters[0].shape.slice(1, 3)};
    return super.sizes(parameters);
  }
}

await run<Options>(program, async options => {
  await startBackend(options.backend, options.threads);
  const model = await readCifar10Model(options.model);
  const data = await loadCifar10({examples: options.examples});
  const images = data.tensor();
  const labels = data.labelTensor();
  for (const kept of [new KeptStAdv(), new KeptReColor()]) {
    const {success, ...rest} = attack(kept).perturb(model, images, labels);
    const marks = Array.from(await success.data());
    const fallen = marks.filter(Boolean).length;
    tf.dispose([success, rest as unknown as tf.TensorContainer]);
    const used = kept instanceof ReColor ? usedPoints(kept, data) : null;
    const all = differences(kept.fields!, data.size, null);
    const seen = used && differences(kept.fields!, data.size, used);
    console.log(
      `${kept.name}: ${fallen} of ${data.size} fell; all pairs: ${describe(all)}` +
        (seen
          ? `; pairs of points that the image uses: ${describe(seen)}`
          : ''),
    );
  }
  tf.dispose([images, labels]);
});

/** The lattice points that interpolation at an image's colors reads, of each image. */
function usedPoints({space, resolution}: ReColor, data: ImageSet): Uint8Array {
  const points = resolution.reduce((a, b) => a * b);
  const used = new Uint8Array(data.size * points);
  const colors = tf.tidy(
    () => colorSpaces[space].fromRgb(data.tensor()).dataSync() as Float32Array,
  );
  const pixels = colors.length / 3 / data.size;
  for (let p = 0; p < colors.length / 3; p++) {
    const low = resolution.map((size, k) => {
      const at = Math.min(Math.max(colors[3 * p + k], 0), 1) * (size - 1);
      return Math.min(Math.floor(at), size - 2);
    });
    for (let corner = 0; corner < 8; corner++) {
      const [a, b, c] = low.map((x, k) => x + ((corner >> k) & 1));
      const point = (a * resolution[1] + b) * resolution[2] + c;
      used[Math.floor(p / pixels) * points + point] = 1;
    }
  }
  return used;
}

/** The norm of the difference of every pair of neighbors, both used. */
function differences(
  {components, sizes}: Field,
  n: number,
  used: Uint8Array | null,
): number[] {
  const points = sizes.reduce((a, b) => a * b);
  const found: number[] = [];
  for (let i = 0; i < n * points; i++) {
    sizes.forEach((size, k) => {
      const stride = sizes.slice(k + 1).reduce((a, b) => a * b, 1);
      if (Math.floor((i % points) / stride) % size === size - 1) return;
      if (used && !(used[i] && used[i + stride])) return;
      found.push(Math.hypot(...components.map(c => c[i + stride] - c[i])));
    });
  }
  return found;
}

function describe(all: number[]): string {
  const sorted = Float64Array.from(all).sort();
  const at = (share: number) =>
    sorted[Math.floor(share * (sorted.length - 1))].toFixed(4);
  const square = all.reduce((sum, x) => sum + x * x, 0) / all.length;
  return `root mean square ${Math.sqrt(square).toFixed(4)}, median ${at(0.5)}, 90 % ${at(0.9)}, largest ${at(1)}`;
}
