import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {dispose, tidy} from '../../src/ops/tidy.js';
import {leak} from '../helpers/memory.js';

interface Nested {
  kept: tf.Scalar | null;
  list: {deep: tf.Scalar}[];
  name: string;
}

test.serial('tidy keeps what is in the result and nothing else', t => {
  let result: Nested | null = null;
  const kept = leak(() => {
    result = tidy<Nested>(() => {
      tf.scalar(1);
      return {
        kept: tf.scalar(2),
        list: [{deep: tf.add(tf.scalar(3), 1)}],
        name: 'nested',
      };
    });
  });
  t.is(kept, 2);
  const {kept: two, list, name} = result!;
  t.is((two as tf.Scalar | null)!.dataSync()[0], 2);
  t.is((list as Nested['list'])[0].deep.dataSync()[0], 4);
  t.is(name, 'nested');
  const freed = leak(() => dispose(result));
  t.is(freed, -2);
  dispose(null);
  dispose({kept: null, list: [], name: ''});
});
