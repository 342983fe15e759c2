export {
  eventFileWriter,
  type EventFileOptions,
} from './tensorboard/event_file.js';
export {encodePng, type Pixels} from './tensorboard/png.js';
