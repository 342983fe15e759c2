import protobuf from 'protobufjs';

/*
 * The part of ONNX's format (onnx.proto, IR version 9) that programs need, with
 * the format's field numbers.
 */
const {root} = protobuf.parse(
  `syntax = "proto3";
  package onnx;
  message ModelProto {
    int64 ir_version = 1; GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8;
  }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2;
    repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3;
    string op_type = 4; repeated AttributeProto attribute = 5; string domain = 7;
  }
  message AttributeProto {
    string name = 1; optional float f = 2; optional int64 i = 3; bytes s = 4;
    repeated int64 ints = 8 [packed = false]; int32 type = 20;
  }
  message TensorProto {
    repeated int64 dims = 1; int32 data_type = 2; string name = 8;
    bytes raw_data = 9;
  }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message TypeProto { Tensor tensor_type = 1;
    message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; } }
  message TensorShapeProto { repeated Dimension dim = 1;
    message Dimension { optional int64 dim_value = 1; } }`,
  {keepCase: true},
);

export const ModelProto = root.lookupType('onnx.ModelProto');

/** `AttributeProto.AttributeType` */
export const attributeType = {float: 1, int: 2, string: 3, ints: 7};
