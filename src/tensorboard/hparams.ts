import {HParamsPluginData} from './schema.js';
import type {HParamsMetric, HParamValue} from './summary_writer.js';

/** Metadata content of `_hparams_/experiment`: the columns of the table. */
export function experimentContent(
  values: Record<string, HParamValue>,
  metrics: readonly HParamsMetric[],
  seconds: number,
): Uint8Array {
  // Domains are left open: TensorBoard takes the first experiment it finds for
  // all runs, and a domain of this run's values would hide the others' rows.
  const hparamInfos = Object.entries(values).map(([name, value]) => ({
    name,
    type: {string: 1, boolean: 2, number: 3}[kind(value)],
  }));
  const metricInfos = metrics.map(metric => {
    const {tag, run, displayName} =
      typeof metric === 'string' ? {tag: metric} : metric;
    return {name: {group: run, tag}, displayName};
  });
  return encode({
    experiment: {timeCreatedSecs: seconds, hparamInfos, metricInfos},
  });
}

/** Metadata content of `_hparams_/session_start_info`: a row's values. */
export function sessionStartContent(
  values: Record<string, HParamValue>,
  seconds: number,
): Uint8Array {
  const hparams = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      {
        number: {numberValue: value},
        boolean: {boolValue: value},
        string: {stringValue: String(value)},
      }[kind(value)],
    ]),
  );
  return encode({sessionStartInfo: {hparams, startTimeSecs: seconds}});
}

/** Metadata content of `_hparams_/session_end_info`: how the run ended. */
export function sessionEndContent(
  status: 'success' | 'failure',
  seconds: number,
): Uint8Array {
  return encode({
    sessionEndInfo: {
      status: status === 'success' ? 1 : 2,
      endTimeSecs: seconds,
    },
  });
}

function encode(data: object): Uint8Array {
  return HParamsPluginData.encode(HParamsPluginData.create(data)).finish();
}

/** JSON, in which the table is served, has no NaN or infinity. */
function kind(value: HParamValue): 'string' | 'boolean' | 'number' {
  if (typeof value === 'boolean') return 'boolean';
  return Number.isFinite(value) ? 'number' : 'string';
}
