/** ONNX's numbers for element types (`TensorProto.DataType`). */
export const onnxDataType = {float32: 1, int32: 6, int64: 7, bool: 9};
