import protobuf from 'protobufjs';

// The messages written here and only their fields used here. The numbers are
// those of TensorFlow's event.proto, summary.proto, tensor.proto and
// tensor_shape.proto, and of the api.proto and plugin_data.proto of
// TensorBoard's hparams plugin.
const {root} = protobuf.parse(`
  syntax = "proto3";

  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what {
      string file_version = 3;
      Summary summary = 5;
      SessionLog session_log = 7;
    }
  }

  message SessionLog {
    SessionStatus status = 1;
  }

  enum SessionStatus {
    STATUS_UNSPECIFIED = 0;
    START = 1;
  }

  message Summary {
    repeated Value value = 1;
    message Value {
      string tag = 1;
      Tensor tensor = 8;
      Metadata metadata = 9;
    }
  }

  message Metadata {
    Plugin plugin_data = 1;
    string summary_description = 3;
    DataClass data_class = 4;
    message Plugin {
      string plugin_name = 1;
      bytes content = 2;
    }
  }

  enum DataClass {
    UNKNOWN = 0;
    SCALAR = 1;
    TENSOR = 2;
    BLOB_SEQUENCE = 3;
  }

  message Tensor {
    DataType dtype = 1;
    Shape tensor_shape = 2;
    repeated float float_val = 5;
    repeated double double_val = 6;
    repeated bytes string_val = 8;
  }

  enum DataType {
    DT_INVALID = 0;
    DT_FLOAT = 1;
    DT_DOUBLE = 2;
    DT_STRING = 7;
  }

  message Shape {
    repeated Dim dim = 2;
    message Dim { int64 size = 1; }
  }

  message HParamsPluginData {
    int32 version = 1;
    oneof data {
      Experiment experiment = 2;
      SessionStartInfo session_start_info = 3;
      SessionEndInfo session_end_info = 4;
    }
  }

  message Experiment {
    double time_created_secs = 3;
    repeated HParamInfo hparam_infos = 4;
    repeated MetricInfo metric_infos = 5;
  }

  message HParamInfo {
    string name = 1;
    HParamType type = 4;
  }

  enum HParamType {
    UNSET = 0;
    STRING = 1;
    BOOL = 2;
    FLOAT64 = 3;
  }

  message MetricInfo {
    MetricName name = 1;
    string display_name = 3;
  }

  message MetricName {
    string group = 1;
    string tag = 2;
  }

  message SessionStartInfo {
    map<string, HParam> hparams = 1;
    double start_time_secs = 5;
  }

  message HParam { // google.protobuf.Value
    oneof kind {
      double number_value = 2;
      string string_value = 3;
      bool bool_value = 4;
    }
  }

  message SessionEndInfo {
    Status status = 1;
    double end_time_secs = 2;
  }

  enum Status {
    STATUS_UNKNOWN = 0;
    STATUS_SUCCESS = 1;
    STATUS_FAILURE = 2;
    STATUS_RUNNING = 3;
  }
`);

/** One record of an event file. */
export const Event = root.lookupType('Event');

/** What the hparams plugin keeps in a summary's metadata. */
export const HParamsPluginData = root.lookupType('HParamsPluginData');

/** `SummaryMetadata.data_class`: which of TensorBoard's stores holds a tag. */
export const DataClass = {SCALAR: 1, TENSOR: 2, BLOB_SEQUENCE: 3} as const;

/** The tensor types used in summaries. */
export const DataType = {FLOAT: 1, DOUBLE: 2, STRING: 7} as const;
