import type * as tf from '@tensorflow/tfjs';
import type {Perturbed} from '../attacks/attack.js';
import type {ResolvedOptions} from '../attacks/options.js';
import {imageGrid} from '../tensorboard/image_grid.js';
import {
  asSummaryWriter,
  type HParamValue,
  type SummaryWriter,
} from '../tensorboard/summary_writer.js';
import type {AdversarialTrainingArgs} from './adversarial_training_args.js';

/** Images of a batch that are shown. */
const IMAGES = 8;

/**
 * What TensorBoard shows of an attack beside curves: images, histograms of margins
 * and perturbation sizes, hyper-parameters and the configuration as text. Images
 * and histograms are of the first batch attacked in each epoch.
 */
export class AttackLog {
  private writer: SummaryWriter | null = null;
  private epoch = 0;
  private due = false;

  /** @param goesOn whether the directory may hold what an earlier run wrote and this one writes again. */
  constructor(
    private readonly target: string | SummaryWriter,
    private readonly goesOn = false,
  ) {}

  async begin(
    attack: string,
    options: Readonly<ResolvedOptions>,
    args: AdversarialTrainingArgs,
    initialEpoch = 0,
  ): Promise<void> {
    if (typeof this.target === 'string') {
      const {eventFileWriter} = await import('../tensorboard/event_file.js');
      // A run of its own: TensorBoard follows only the newest file of a run.
      this.writer = eventFileWriter(`${this.target}/attack`, {
        purgeStep: this.goesOn ? initialEpoch + 1 : undefined,
      });
    } else {
      this.writer = asSummaryWriter(this.target);
    }
    const {mix, every = 1, warmUpEpochs = 0, objective, union} = args;
    const configuration = {
      attack,
      union,
      mix,
      every,
      warmUpEpochs,
      objective: objective?.name ?? 'loss',
      ...options,
    };
    const values = Object.fromEntries(
      Object.entries(configuration)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, plain(value)]),
    );
    this.writer.text?.(
      'attack/configuration',
      '```json\n' + JSON.stringify(values, null, 2) + '\n```',
      0,
    );
    this.writer.hparams?.(values);
    this.writer.flush();
  }

  beginEpoch(epoch: number): void {
    this.epoch = epoch;
    this.due = true;
  }

  write(images: tf.Tensor4D, crafted: Perturbed): void {
    if (!this.due || !this.writer) return;
    this.due = false;
    const step = this.epoch + 1;
    if (this.writer.image) {
      const grid = imageGrid(images, crafted.adversarial, {count: IMAGES});
      this.writer.image('attack/images', grid, step);
      grid.dispose();
    }
    this.writer.histogram('attack/margin', crafted.margin, step);
    for (const [term, size] of Object.entries(crafted.sizes)) {
      this.writer.histogram(`attack/size_${term}`, size, step);
    }
  }

  endEpoch(): void {
    this.writer?.flush();
  }

  end(): void {
    if (typeof this.target === 'string') this.writer?.close?.();
    else this.writer?.flush();
    this.writer = null;
  }
}

/** TensorBoard's hyper-parameters are numbers, strings and booleans; JSON has no Infinity. */
function plain(value: unknown): HParamValue {
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  // A custom loss.
  if (typeof value === 'function') return value.name || 'custom';
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
