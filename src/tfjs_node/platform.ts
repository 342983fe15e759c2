import {SetupError} from './errors.js';

/** The machine, as far as the choice of a build depends on it. */
export interface Machine {
  platform: NodeJS.Platform;
  arch: string;
  /** Version of the GNU C library, undefined where there is none (Alpine, macOS). */
  glibc?: string;
}

/** A TensorFlow build on the Python package index, and what of it is needed. */
export interface TensorflowBuild {
  project: 'tensorflow' | 'tensorflow-cpu';
  version: string;
  /** Wheel platform tags, most wanted first. */
  platforms: string[];
  /** The two libraries, by their names in the wheel's `tensorflow` folder. */
  libraries: [string, string];
  /** Bytes that the download and the extracted files take together. */
  bytes: number;
}

/**
 * Wheels differ in the Python they are for, but not in the libraries taken
 * from them, so one is named here whatever Python the machine has.
 */
export const PYTHON_TAG = '3.11';

const VERSION = '2.21.0';
const LINUX: [string, string] = [
  'libtensorflow_cc.so.2',
  'libtensorflow_framework.so.2',
];
const MACOS: [string, string] = [
  'libtensorflow_cc.2.dylib',
  'libtensorflow_framework.2.dylib',
];

export function thisMachine(): Machine {
  const {platform, arch, report} = process;
  if (platform !== 'linux') return {platform, arch};
  const {header} = report.getReport() as unknown as {
    header: {glibcVersionRuntime?: string};
  };
  return {platform, arch, glibc: header.glibcVersionRuntime};
}

/**
 * The build for a machine.
 *
 * @throws SetupError where there is none, saying what to do instead.
 */
export function tensorflowBuild(
  {platform, arch, glibc}: Machine,
  gpu = false,
): TensorflowBuild {
  if (platform === 'win32') {
    throw new SetupError(
      "Windows is not supported by this set-up: use WSL 2, or the package's own installer (`npm rebuild @tensorflow/tfjs-node --ignore-scripts=false`), or another backend such as wasm.",
    );
  }
  if (gpu && !(platform === 'linux' && arch === 'x64')) {
    throw new SetupError(
      `There is no CUDA build of TensorFlow for ${platform} ${arch}, only for Linux on x64; leave --gpu out to use the CPU.`,
    );
  }
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) {
    if (!glibc || !atLeast(glibc, [2, 27])) {
      throw new SetupError(
        `TensorFlow's Linux builds need the GNU C library 2.27 or later, and this system has ${glibc ?? 'none (as Alpine Linux)'}; use a newer or another distribution, or another backend such as wasm.`,
      );
    }
    const machine = arch === 'x64' ? 'x86_64' : 'aarch64';
    const cpuOnly = arch === 'x64' && !gpu;
    return {
      project: cpuOnly ? 'tensorflow-cpu' : 'tensorflow',
      version: VERSION,
      platforms: manylinux(machine),
      libraries: LINUX,
      bytes: gpu ? 2.2e9 : 1.2e9,
    };
  }
  if (platform === 'darwin' && arch === 'arm64') {
    return {
      project: 'tensorflow',
      version: VERSION,
      platforms: ['macosx_12_0_arm64'],
      libraries: MACOS,
      bytes: 1.2e9,
    };
  }
  if (platform === 'darwin' && arch === 'x64') {
    return {
      project: 'tensorflow',
      version: '2.16.2', // the last one built for Intel
      platforms: ['macosx_10_15_x86_64'],
      libraries: MACOS,
      bytes: 1.2e9,
    };
  }
  throw new SetupError(
    `There is no TensorFlow build for ${platform} ${arch}; use another backend such as wasm.`,
  );
}

/** Tags of the Linux wheels that TensorFlow and the CUDA libraries come in. */
export function manylinux(machine: string): string[] {
  return ['manylinux_2_27', 'manylinux_2_17', 'manylinux2014'].map(
    tag => `${tag}_${machine}`,
  );
}

function atLeast(version: string, wanted: [number, number]): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}
