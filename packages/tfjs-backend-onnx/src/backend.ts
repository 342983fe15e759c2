import * as tf from '@tensorflow/tfjs-core';
import {type CpuResult, listName, runOnCpu} from './fallback/cpu_kernels.js';
import {ProgramCache} from './runtime/program_cache.js';
import {Recorder} from './record/recorder.js';
import {Spare} from './runtime/buffer_pool.js';
import {ValueStore} from './trace/value_store.js';
import {StepBoundary} from './record/step_boundary.js';
import {keepInfoOnValues} from './tfjs/tensor_info_table.js';
import {signatureOf} from './trace/signature.js';
import type {Spec} from './trace/spec.js';
import {sharedUniform, typed} from './trace/typed_arrays.js';
import {type Data, type Value, readyValue} from './trace/value.js';
import {warnOnce} from './trace/warn_once.js';
import {Session} from './runtime/session.js';
import {hostKernels} from './fallback/host_kernels.js';
import type {Attrs} from './kernels/registry.js';
import type {OnnxOptions} from './options.js';

/** Of `memoryLimit`, this part may be kept for the results of later runs. */
const SPARE = 1 / 4;

/** Counters that show how the backend is doing. */
export interface OnnxStats {
  /** Graphs compiled so far. A steady loop adds none after its second turn. */
  compilations: number;
  /** Graphs run so far. */
  runs: number;
  /** Compiled graphs at hand. */
  cachedSessions: number;
  /** Kernel calls recorded and not run. */
  pending: number;
}

/**
 * A TensorFlow.js backend whose kernels only write down what is to be done.
 * Reading a tensor, or the end of a step, compiles what was written down into
 * one ONNX graph, or finds it compiled, and runs it (Suhan et al., "LazyTensor",
 * arXiv:2102.13267).
 */
export class OnnxBackend extends tf.KernelBackend {
  private readonly data: ValueStore;
  private readonly session: Session;
  private readonly spare: Spare;
  private readonly cache: ProgramCache;
  private readonly recorder: Recorder;
  private readonly boundary: StepBoundary;

  constructor(options: OnnxOptions = {}) {
    super();
    keepInfoOnValues();
    this.data = new ValueStore(this);
    this.session = new Session(options);
    this.cache = new ProgramCache(
      () => this.session.settings,
      (structure, literals) => this.session.compile(structure, literals),
    );
    this.spare = new Spare(() => this.session.settings.memoryLimit * SPARE);
    this.recorder = new Recorder(
      this.cache,
      (program, structure) => this.session.run(program, structure, this.spare),
      this.spare,
    );
    this.boundary = new StepBoundary(this.recorder);
  }

  /** Changes options; what was compiled under the old ones is dropped. */
  configure(options: OnnxOptions): void {
    this.recorder.flush();
    this.session.configure(options);
    this.cache.clear();
    this.spare.clear();
  }

  stats(): OnnxStats {
    return {
      compilations: this.cache.compilations,
      runs: this.recorder.runs,
      cachedSessions: this.cache.size,
      pending: this.recorder.size,
    };
  }

  /** Runs what is pending now. Programs need not call it. */
  flush(): void {
    this.recorder.flush();
  }

  /** What every registered kernel of this backend does. */
  runKernel(
    kernel: string,
    inputs: tf.NamedTensorInfoMap | tf.TensorInfo[] | undefined,
    attrs: Attrs = {},
  ): tf.TensorInfo | tf.TensorInfo[] {
    this.boundary.before();
    const names: string[] = [];
    const infos: tf.TensorInfo[] = [];
    const given = (inputs ?? {}) as tf.NamedTensorInfoMap;
    for (const name of Object.keys(given)) {
      const info = given[name];
      if (info == null) continue;
      if (Array.isArray(info)) {
        // Kernels of ragged tensors take lists.
        info.forEach((item, i) => {
          names.push(listName(name, i));
          infos.push(item);
        });
      } else {
        names.push(name);
        infos.push(info);
      }
    }
    const values = infos.map(({dataId}) => this.data.get(dataId));
    let onCpu = false;
    values.forEach(({error, shape}, i) => {
      if (error) throw error;
      const {dtype} = infos[i];
      onCpu ||=
        shape.includes(0) || dtype === 'string' || dtype === 'complex64';
    });

    const onHost = hostKernels.get(kernel)?.(values, infos, attrs);
    if (onHost) return this.answer(onHost);

    if (onCpu) {
      return this.runOnCpu(kernel, names, infos, values, attrs);
    }
    const signature = signatureOf(kernel, names, infos, attrs);
    if (!signature.outputs) {
      // What makes numbers out of nothing is no loss on the host.
      if (names.length > 0) {
        warnOnce(
          `onnx backend: ${kernel} runs on the cpu backend's kernel: ${signature.reason}.`,
        );
      }
      return this.runOnCpu(kernel, names, infos, values, attrs);
    }
    const outputs = this.recorder
      .record(signature, values)
      .map(value => this.data.add(value));
    return signature.list ? outputs : outputs[0];
  }

  /** A number as a tensor. */
  scalar(value: number, dtype: tf.DataType): tf.TensorInfo {
    return {dataId: this.write([value] as never, [], dtype), shape: [], dtype};
  }

  /** The same data under another shape. */
  share(info: tf.TensorInfo, shape: number[]): tf.TensorInfo {
    this.incRef(info.dataId);
    return {dataId: info.dataId, shape, dtype: info.dtype};
  }

  override write(
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
  ): object {
    const given = typed(values as ArrayLike<unknown>, dtype);
    // A copy: the caller may go on to write into what was given.
    const uniform = sharedUniform(given, dtype);
    const data = uniform?.data ?? (given === values ? given.slice() : given);
    const value = readyValue(data, shape, dtype);
    value.sole = uniform === undefined;
    value.uniform = uniform?.uniform;
    value.writtenBefore = this.recorder.runs;
    return this.data.add(value).dataId;
  }

  override move(
    dataId: object,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    if (dtype === 'complex64') {
      throw new Error('onnx backend: complex64 tensors cannot be moved to it.');
    }
    const value = readyValue(
      typed(values as ArrayLike<unknown>, dtype),
      shape,
      dtype,
    );
    value.references = refCount;
    this.data.addMoved(dataId, value);
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const value = this.data.get(dataId);
    if (value.parts) {
      return tf.backend_util.mergeRealAndImagArrays(
        this.settled(value.parts.real) as Float32Array,
        this.settled(value.parts.imag) as Float32Array,
      );
    }
    // A copy: the caller may write into it, and others may share the original.
    return this.settled(value).slice() as tf.backend_util.BackendValues;
  }

  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    return this.readSync(dataId);
  }

  override refCount(dataId: object): number {
    return this.data.has(dataId) ? this.data.get(dataId).references : 0;
  }

  override incRef(dataId: object): void {
    this.data.get(dataId).references++;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (this.data.has(dataId)) {
      const value = this.data.get(dataId);
      value.references--;
      if (!force && value.references > 0) return false;
      value.references = 0;
      this.data.delete(dataId);
      if (value.uses === 0) this.spare.free(value);
    }
    return true;
  }

  override numDataIds(): number {
    return this.data.size;
  }

  override memory(): {unreliable: boolean} {
    return {unreliable: false};
  }

  override timerAvailable(): boolean {
    return false;
  }

  /** How long `f` takes here, with everything that it records. */
  override async time(f: () => void): Promise<tf.BackendTimingInfo> {
    this.recorder.flush();
    const begin = performance.now();
    f();
    this.recorder.flush();
    return {kernelMs: performance.now() - begin};
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.cache.clear();
    this.spare.clear();
  }

  private settled(value: Value): Data {
    this.recorder.settle(value);
    return value.data!;
  }

  private runOnCpu(
    kernel: string,
    names: string[],
    specs: Spec[],
    values: Value[],
    attrs: Attrs,
  ): tf.TensorInfo | tf.TensorInfo[] {
    for (const value of values) {
      if (value.parts) {
        this.settled(value.parts.real);
        this.settled(value.parts.imag);
      } else {
        this.settled(value);
      }
    }
    const {results, list} = runOnCpu(kernel, names, specs, values, attrs);
    const infos = results.map(result => {
      const value = this.adopt(result);
      // What is made of nothing cannot be a view of anything.
      value.sole = values.length === 0;
      return this.data.add(value);
    });
    return list ? infos : infos[0];
  }

  private adopt({data, shape, dtype, parts}: CpuResult): Value {
    const value = readyValue(data, shape, dtype);
    if (parts) {
      value.parts = {
        real: this.adopt(parts.real),
        imag: this.adopt(parts.imag),
      };
    }
    return value;
  }

  private answer(result: Value | Value[]): tf.TensorInfo | tf.TensorInfo[] {
    return Array.isArray(result)
      ? result.map(v => this.data.add(v))
      : this.data.add(result);
  }
}
