import {cacheDirectory} from '../io/cache.js';
import {checkTfjsNode, type CheckResult} from './check.js';
import {compileBinding, installBinding} from './compile.js';
import {hasGpu, linkCudaLibraries} from './cuda.js';
import {SetupError, asSetupError} from './errors.js';
import {tensorflowLibraries} from './libraries.js';
import {linkLibraries} from './link.js';
import {tryOfficialBinary} from './official.js';
import {
  findTfjsNode,
  installedVersion,
  mendPackage,
  type TfjsNode,
} from './package.js';
import {tensorflowBuild, thisMachine} from './platform.js';
import {stderrProgress, type Progress} from './progress.js';
import {npmInstall} from './npm.js';

export {SetupError} from './errors.js';

/** Options of {@link setupTensorflow}. */
export interface SetupOptions {
  /** Sets up `@tensorflow/tfjs-node-gpu`, with the CUDA 12 build; default false. */
  gpu?: boolean;
  /**
   * Where downloads and compiled files are kept; default
   * `TFJS_ADVERSARIAL_CACHE` or the system's place for caches.
   */
  cache?: string;
  /** The project whose installed package is set up; default the current folder. */
  project?: string;
  /** Takes the wheel even where the official binary can be had; default false. */
  wheel?: boolean;
  /** Sets up again what already works; default false. */
  force?: boolean;
  /** Told what is being done; default: lines on standard error. */
  progress?: Progress;
}

/** What {@link setupTensorflow} has done. */
export interface SetupResult {
  /** The package that works now. */
  package: string;
  /** The folder of that package. */
  directory: string;
  /** Version of TensorFlow that it runs. */
  tensorflow: string;
  /** Whether it computes on a GPU. */
  gpu: boolean;
  /** How it came to work. */
  by: 'nothing to do' | 'official binary' | 'wheel';
}

/**
 * Brings the installed `@tensorflow/tfjs-node` (or `-gpu`) into working order:
 * by its official binary where that can be had, else by the libraries of
 * TensorFlow's Python wheel and a binding compiled against them.
 *
 * What is fetched and made is kept in a cache; an interrupted run is continued
 * by the next, and the next project on the machine takes seconds.
 *
 * @throws SetupError one sentence that names what is missing.
 */
export async function setupTensorflow(
  options: SetupOptions = {},
): Promise<SetupResult> {
  const cache = cacheDirectory('tensorflow', options.cache);
  try {
    return await setUp({...options, cache});
  } catch (error) {
    throw asSetupError(error, cache);
  }
}

async function setUp({
  gpu = false,
  cache,
  project = process.cwd(),
  wheel = false,
  force = false,
  progress = stderrProgress(),
}: SetupOptions & {cache: string}): Promise<SetupResult> {
  const tfjsNode = await installedPackage(project, gpu, progress);
  const {name, version, directory} = tfjsNode;
  const done = (
    {tensorflow, gpu}: CheckResult & {works: true},
    by: SetupResult['by'],
  ): SetupResult => ({package: name, directory, tensorflow, gpu, by});

  if (await mendPackage(tfjsNode)) {
    progress.say(`Mended ${name} for Node 23 and later.`);
  }
  if (!force) {
    const check = await checkTfjsNode(tfjsNode);
    const enough = check.works && (!gpu || check.gpu || !(await hasGpu()));
    if (check.works && enough) return done(check, 'nothing to do');
  }
  progress.say(`Setting up ${name} ${version} in ${directory} …`);

  // The official GPU binary is for CUDA 11.2, which no present driver brings.
  if (!wheel && !gpu && process.platform !== 'win32') {
    const check = await tryOfficialBinary(tfjsNode, cache, progress);
    if (check.works) return done(check, 'official binary');
    progress.say(
      `The official binary cannot be used (${check.reason}); taking the Python wheel of TensorFlow.`,
    );
  }

  const build = tensorflowBuild(thisMachine(), gpu);
  const tensorflow = await tensorflowLibraries(build, cache, progress);
  const binding = await compileBinding(
    tfjsNode,
    build,
    tensorflow,
    cache,
    progress,
  );
  await linkLibraries(directory, tensorflow, build.libraries);
  if (gpu) await addCuda(directory, tensorflow, cache, progress);
  await installBinding(tfjsNode, binding);

  const check = await checkTfjsNode(tfjsNode);
  if (check.works) return done(check, 'wheel');
  throw new SetupError(
    `${name} was set up with TensorFlow ${build.version} but does not work: ${check.reason}`,
  );
}

async function installedPackage(
  project: string,
  gpu: boolean,
  progress: Progress,
): Promise<TfjsNode> {
  const cpuName = '@tensorflow/tfjs-node';
  const name = gpu ? `${cpuName}-gpu` : cpuName;
  const found = findTfjsNode(name, project);
  if (found) return found;
  if (!gpu) {
    throw new SetupError(
      `${name} is not installed in ${project}: run \`npm install --ignore-scripts ${name}\` there first.`,
    );
  }
  const version =
    installedVersion(cpuName, project) ??
    installedVersion('@tensorflow/tfjs', project) ??
    'latest';
  progress.say(`Installing ${name} ${version} …`);
  await npmInstall(`${name}@${version}`, project);
  const installed = findTfjsNode(name, project);
  if (installed) return installed;
  throw new SetupError(
    `npm installed ${name} where ${project} does not find it: install it there yourself, without its install script.`,
  );
}

async function addCuda(
  directory: string,
  tensorflow: string,
  cache: string,
  progress: Progress,
): Promise<void> {
  if (await hasGpu()) {
    await linkCudaLibraries(directory, tensorflow, cache, progress);
  } else {
    progress.say(
      'No NVIDIA GPU with its driver is here, so the CUDA libraries are left out and the CPU is used; run this again where one is.',
    );
  }
}
