import test from 'ava';
import {Graph, type IrValue} from '../src/graph/graph.js';
import {peakBytes} from '../src/graph/peak_memory.js';

const KIB = 1024;

function unary(g: Graph, x: IrValue): IrValue {
  return g.node('Exp', [x], x.shape, x.dtype);
}

function reshaped(g: Graph, x: IrValue): IrValue {
  return g.node('Reshape', [x, g.int64([256])], [256], x.dtype);
}

test('a chain needs two tensors at a time', t => {
  const g = new Graph();
  let x = g.input(0, [16, 16], 'float32');
  for (let i = 0; i < 5; i++) x = unary(g, x);
  t.is(peakBytes([x]), 2 * KIB);
});

test('what is needed later is counted until then', t => {
  const g = new Graph();
  const x = g.input(0, [16, 16], 'float32');
  const kept = [unary(g, x)];
  for (let i = 0; i < 4; i++) kept.push(unary(g, kept[i]));
  t.is(peakBytes(kept), 5 * KIB);
});

test('a reshape takes no memory and keeps its input in it', t => {
  const g = new Graph();
  const a = unary(g, g.input(0, [16, 16], 'float32'));
  const view = reshaped(g, a);
  const b = unary(g, view);
  const c = unary(g, b);
  const sum = g.node('Add', [c, view], [256], 'float32');
  // a (as view), c and the sum; or a, b and c.
  t.is(peakBytes([sum]), 3 * KIB);
});
