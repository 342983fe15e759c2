import * as tf from '@tensorflow/tfjs-core';
import {runCpuKernel} from './fallback/cpu_kernels.js';
import {hostKernels} from './fallback/host_kernels.js';
import './fallback/host_slice_and_concat.js';
import type {Attrs} from './kernels/registry.js';
import {type OnnxOptions, type Settings, resolveOptions} from './options.js';
import {Recorder} from './record/recorder.js';
import {StepBoundary} from './record/step_boundary.js';
import {BufferPool} from './runtime/buffer_pool.js';
import {ProgramCache} from './runtime/program_cache.js';
import {Runtime} from './runtime/runtime.js';
import {storeTensorInfoOnValues} from './tfjs/tensor_info_table.js';
import {type KernelInputs, flattenInputs} from './trace/kernel_inputs.js';
import {signatureOf} from './trace/signature.js';
import type {Spec} from './trace/spec.js';
import {sharedUniform, toTypedArray} from './trace/typed_arrays.js';
import {type Data, type Value, readyValue} from './trace/value.js';
import {ValueStore} from './trace/value_store.js';
import {warnOnce} from './trace/warn_once.js';

/** The buffer pool may hold this fraction of `memoryLimit`. */
const POOL_SHARE = 1 / 4;

/** Counters that show what the backend is doing. */
export interface OnnxStats {
  /** Graphs compiled so far. A steady loop adds none after its second iteration. */
  compilations: number;
  /** Graphs run so far. */
  runs: number;
  /** Compiled graphs in the cache. */
  cachedSessions: number;
  /** Kernel calls that are recorded and have not run. */
  pending: number;
}

/**
 * A TensorFlow.js backend whose kernels only record calls. Reading a tensor, or
 * the end of a step, compiles the recorded calls into one ONNX graph (or finds
 * it in the cache) and runs it (Suhan et al., "LazyTensor", arXiv:2102.13267).
 *
 * What a call goes through, in order: `trace/` gives it a signature, `record/`
 * keeps it pending and decides when to run, `kernels/` lower it to the operators
 * of `graph/`, `passes/` optimize the graph, `runtime/` compiles, caches and runs
 * it. `fallback/` runs what needs no graph, or cannot have one.
 */
export class OnnxBackend extends tf.KernelBackend {
  private settings: Settings;
  private readonly values: ValueStore;
  private readonly runtime: Runtime;
  private readonly pool: BufferPool;
  private readonly cache: ProgramCache;
  private readonly recorder: Recorder;
  private readonly boundary: StepBoundary;

  constructor(options: OnnxOptions = {}) {
    super();
    storeTensorInfoOnValues();
    this.settings = resolveOptions(options);
    this.values = new ValueStore(this);
    this.runtime = new Runtime(this.settings);
    this.cache = new ProgramCache(
      () => this.settings,
      (trace, literals) => this.runtime.compile(trace, literals),
    );
    this.pool = new BufferPool(() => this.settings.memoryLimit * POOL_SHARE);
    this.recorder = new Recorder(
      this.cache,
      (program, trace) => this.runtime.run(program, trace, this.pool),
      this.pool,
    );
    this.boundary = new StepBoundary(this.recorder);
  }

  /** Changes options. Drops all compiled graphs. */
  configure(options: OnnxOptions): void {
    this.recorder.flush();
    this.settings = resolveOptions(options, this.settings);
    this.runtime.settings = this.settings;
    this.cache.clear();
    this.pool.clear();
  }

  stats(): OnnxStats {
    return {
      compilations: this.cache.compilations,
      runs: this.recorder.runs,
      cachedSessions: this.cache.size,
      pending: this.recorder.size,
    };
  }

  /** Runs all pending calls now. Programs do not need to call it. */
  flush(): void {
    this.recorder.flush();
  }

  /** The body of every kernel registered for this backend. */
  runKernel(
    kernel: string,
    inputs: KernelInputs,
    attrs: Attrs = {},
  ): tf.TensorInfo | tf.TensorInfo[] {
    this.boundary.before();
    const {names, infos} = flattenInputs(inputs);
    const values = infos.map(({dataId}) => this.values.get(dataId));
    let cpuOnly = false;
    values.forEach(({error, shape}, i) => {
      if (error) throw error;
      const {dtype} = infos[i];
      cpuOnly ||=
        shape.includes(0) || dtype === 'string' || dtype === 'complex64';
    });

    const result = hostKernels.get(kernel)?.(values, infos, attrs);
    if (result) return this.store(result);

    if (cpuOnly) return this.runOnCpu(kernel, names, infos, values, attrs);
    const signature = signatureOf(kernel, names, infos, attrs);
    if (!signature.outputs) {
      // A kernel without inputs costs nothing extra on the host.
      if (names.length > 0) {
        warnOnce(
          `onnx backend: ${kernel} runs on the cpu backend's kernel: ${signature.reason}.`,
        );
      }
      return this.runOnCpu(kernel, names, infos, values, attrs);
    }
    const outputs = this.recorder.record(signature, values);
    return this.store(signature.list ? outputs : outputs[0]);
  }

  /** A number as a tensor without axes. */
  scalar(value: number, dtype: tf.DataType): tf.TensorInfo {
    return {dataId: this.write([value], [], dtype), shape: [], dtype};
  }

  /** The same data with another shape. */
  share(info: tf.TensorInfo, shape: number[]): tf.TensorInfo {
    this.incRef(info.dataId);
    return {dataId: info.dataId, shape, dtype: info.dtype};
  }

  override write(
    values: tf.backend_util.BackendValues | number[],
    shape: number[],
    dtype: tf.DataType,
  ): object {
    const array = toTypedArray(values as ArrayLike<unknown>, dtype);
    // A copy: the caller may write into its array later.
    const uniform = sharedUniform(array, dtype);
    const data = uniform?.data ?? (array === values ? array.slice() : array);
    const value = readyValue(data, shape, dtype);
    value.exclusive = uniform === undefined;
    value.uniform = uniform?.uniform;
    value.writtenBefore = this.recorder.runs;
    return this.values.add(value).dataId;
  }

  override move(
    dataId: object,
    values: tf.backend_util.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    if (dtype === 'complex64') {
      throw new Error(
        'onnx backend: a complex64 tensor of another backend cannot be moved here; create it on this backend.',
      );
    }
    const value = readyValue(
      toTypedArray(values as ArrayLike<unknown>, dtype),
      shape,
      dtype,
    );
    value.references = refCount;
    this.values.addMoved(dataId, value);
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const value = this.values.get(dataId);
    if (value.parts) {
      return tf.backend_util.mergeRealAndImagArrays(
        this.settled(value.parts.real) as Float32Array,
        this.settled(value.parts.imag) as Float32Array,
      );
    }
    // A copy: the caller may write into it, and other values may share the data.
    return this.settled(value).slice() as tf.backend_util.BackendValues;
  }

  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    return this.readSync(dataId);
  }

  override refCount(dataId: object): number {
    return this.values.has(dataId) ? this.values.get(dataId).references : 0;
  }

  override incRef(dataId: object): void {
    this.values.get(dataId).references++;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (this.values.has(dataId)) {
      const value = this.values.get(dataId);
      value.references--;
      if (!force && value.references > 0) return false;
      value.references = 0;
      this.values.delete(dataId);
      if (value.uses === 0) this.pool.free(value);
    }
    return true;
  }

  override numDataIds(): number {
    return this.values.size;
  }

  override memory(): {unreliable: boolean} {
    return {unreliable: false};
  }

  override timerAvailable(): boolean {
    return false;
  }

  /** Times `f` together with the calls that it records. */
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
    this.pool.clear();
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
    const {results, list} = runCpuKernel(kernel, names, specs, values, attrs);
    for (const result of results) {
      // Without inputs there is nothing that it could be a view of.
      result.exclusive = values.length === 0;
    }
    return this.store(list ? results : results[0]);
  }

  private store(result: Value | Value[]): tf.TensorInfo | tf.TensorInfo[] {
    return Array.isArray(result)
      ? result.map(v => this.values.add(v))
      : this.values.add(result);
  }
}
