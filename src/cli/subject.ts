import type * as tf from '@tensorflow/tfjs';
import type {Classifier, ImageSet} from '../index.js';
import {countClassesOf} from './class_count.js';
import {startBackend} from './command_line.js';
import {type ImageOptions, loadImages} from './images.js';
import {type RangeOptions, withRange} from './input_range.js';
import {inputShapeOf} from './input_shape.js';
import {readModel} from './models.js';

/** Options that say what a command works on. */
export interface SubjectOptions extends ImageOptions, RangeOptions {
  model: string;
  backend?: string;
  threads?: number;
}

/** What a command works on. */
export interface Subject {
  data: ImageSet;
  /** The model, of images in [0, 1]. */
  model: tf.LayersModel | tf.GraphModel | Classifier;
  /** What a user should know of the images and the range; said on standard error. */
  notes: string[];
}

/**
 * Starts the backend and loads the model and the images that options name.
 *
 * @param check Throws if the command cannot use the model; called before the images are read.
 * @throws Error with one sentence if they do not fit together.
 */
export async function loadSubject(
  options: SubjectOptions,
  check?: (model: tf.LayersModel | tf.GraphModel) => void,
): Promise<Subject> {
  console.error('Loading the model and the images …');
  await startBackend(options.backend, options.threads);
  const notes: string[] = [];
  const loaded = await readModel(options.model);
  check?.(loaded);
  const data = await loadImages(options, inputShapeOf(loaded), notes);
  countClassesOf(loaded, data, options);
  const model = await withRange(loaded, data, options, {
    guess: options.images !== undefined,
    notes,
  });
  for (const note of notes) console.error(note);
  return {data, model, notes};
}
