// The part of TensorFlow's C API that Crossload uses, declared here because the library is opened at run time and its
// headers need not be installed. Source: tensorflow/c/c_api.h and tf_tensor.h, 2.21; the functions are stable
// since 2.13.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
struct TF_Buffer {
  const void* data;
  std::size_t length;
  void (*data_deallocator)(void* data, std::size_t length);
};
struct TF_Function;
struct TF_Graph;
struct TF_Operation;
struct TF_OperationDescription;
struct TF_Session;
struct TF_SessionOptions;
struct TF_Status;
struct TF_Tensor;
struct TF_Input {
  TF_Operation* oper;
  int index;
};
struct TF_Output {
  TF_Operation* oper;
  int index;
};
}

// clang-format off
// Name, result, arguments.
#define CROSSLOAD_TF_FUNCTIONS(X)                                                                                      \
  X(TF_Version, const char*, (void))                                                                                   \
  X(TF_NewStatus, TF_Status*, (void))                                                                                  \
  X(TF_DeleteStatus, void, (TF_Status*))                                                                               \
  X(TF_GetCode, int, (const TF_Status*))                                                                               \
  X(TF_Message, const char*, (const TF_Status*))                                                                       \
  X(TF_NewBuffer, TF_Buffer*, (void))                                                                                  \
  X(TF_DeleteBuffer, void, (TF_Buffer*))                                                                               \
  X(TF_AllocateTensor, TF_Tensor*, (int, const std::int64_t*, int, std::size_t))                                       \
  X(TF_DeleteTensor, void, (TF_Tensor*))                                                                               \
  X(TF_TensorType, int, (const TF_Tensor*))                                                                            \
  X(TF_NumDims, int, (const TF_Tensor*))                                                                               \
  X(TF_Dim, std::int64_t, (const TF_Tensor*, int))                                                                     \
  X(TF_TensorByteSize, std::size_t, (const TF_Tensor*))                                                                \
  X(TF_TensorData, void*, (const TF_Tensor*))                                                                          \
  X(TF_NewGraph, TF_Graph*, (void))                                                                                    \
  X(TF_DeleteGraph, void, (TF_Graph*))                                                                                 \
  X(TF_GraphOperationByName, TF_Operation*, (TF_Graph*, const char*))                                                  \
  X(TF_GraphSetTensorShape, void, (TF_Graph*, TF_Output, const std::int64_t*, int, TF_Status*))                        \
  X(TF_GraphGetTensorNumDims, int, (TF_Graph*, TF_Output, TF_Status*))                                                 \
  X(TF_GraphGetTensorShape, void, (TF_Graph*, TF_Output, std::int64_t*, int, TF_Status*))                              \
  X(TF_GraphToGraphDef, void, (TF_Graph*, TF_Buffer*, TF_Status*))                                                     \
  X(TF_GraphCopyFunction, void, (TF_Graph*, const TF_Function*, const TF_Function*, TF_Status*))                       \
  X(TF_GraphNumFunctions, int, (TF_Graph*))                                                                            \
  X(TF_GraphGetFunctions, int, (TF_Graph*, TF_Function**, int, TF_Status*))                                            \
  X(TF_GraphToFunction, TF_Function*,                                                                                  \
    (const TF_Graph*, const char*, unsigned char, int, const TF_Operation* const*, int, const TF_Output*, int,         \
     const TF_Output*, const char* const*, const void*, const char*, TF_Status*))                                      \
  X(TF_DeleteFunction, void, (TF_Function*))                                                                           \
  X(TF_FunctionToFunctionDef, void, (TF_Function*, TF_Buffer*, TF_Status*))                                            \
  X(TF_FunctionImportFunctionDef, TF_Function*, (const void*, std::size_t, TF_Status*))                                \
  X(TF_NewOperation, TF_OperationDescription*, (TF_Graph*, const char*, const char*))                                  \
  X(TF_FinishOperation, TF_Operation*, (TF_OperationDescription*, TF_Status*))                                         \
  X(TF_AddInput, void, (TF_OperationDescription*, TF_Output))                                                          \
  X(TF_AddInputList, void, (TF_OperationDescription*, const TF_Output*, int))                                          \
  X(TF_AddControlInput, void, (TF_OperationDescription*, TF_Operation*))                                               \
  X(TF_SetAttrType, void, (TF_OperationDescription*, const char*, int))                                                \
  X(TF_SetAttrTypeList, void, (TF_OperationDescription*, const char*, const int*, int))                                \
  X(TF_SetAttrInt, void, (TF_OperationDescription*, const char*, std::int64_t))                                        \
  X(TF_SetAttrIntList, void, (TF_OperationDescription*, const char*, const std::int64_t*, int))                        \
  X(TF_SetAttrFloat, void, (TF_OperationDescription*, const char*, float))                                             \
  X(TF_SetAttrBool, void, (TF_OperationDescription*, const char*, unsigned char))                                      \
  X(TF_SetAttrString, void, (TF_OperationDescription*, const char*, const void*, std::size_t))                         \
  X(TF_SetAttrShape, void, (TF_OperationDescription*, const char*, const std::int64_t*, int))                          \
  X(TF_SetAttrShapeList, void,                                                                                         \
    (TF_OperationDescription*, const char*, const std::int64_t* const*, const int*, int))                              \
  X(TF_SetAttrTensor, void, (TF_OperationDescription*, const char*, TF_Tensor*, TF_Status*))                           \
  X(TF_SetAttrFuncName, void, (TF_OperationDescription*, const char*, const char*, std::size_t))                       \
  X(TF_SetAttrValueProto, void, (TF_OperationDescription*, const char*, const void*, std::size_t, TF_Status*))         \
  X(TF_GraphNextOperation, TF_Operation*, (TF_Graph*, std::size_t*))                                                   \
  X(TF_OperationName, const char*, (TF_Operation*))                                                                    \
  X(TF_OperationOpType, const char*, (TF_Operation*))                                                                  \
  X(TF_OperationNumOutputs, int, (TF_Operation*))                                                                      \
  X(TF_OperationOutputType, int, (TF_Output))                                                                          \
  X(TF_OperationNumInputs, int, (TF_Operation*))                                                                       \
  X(TF_OperationInput, TF_Output, (TF_Input))                                                                          \
  X(TF_OperationNumControlInputs, int, (TF_Operation*))                                                                \
  X(TF_OperationGetControlInputs, int, (TF_Operation*, TF_Operation**, int))                                           \
  X(TF_NewSessionOptions, TF_SessionOptions*, (void))                                                                  \
  X(TF_DeleteSessionOptions, void, (TF_SessionOptions*))                                                               \
  X(TF_SetConfig, void, (TF_SessionOptions*, const void*, std::size_t, TF_Status*))                                    \
  X(TF_NewSession, TF_Session*, (TF_Graph*, const TF_SessionOptions*, TF_Status*))                                     \
  X(TF_LoadSessionFromSavedModel, TF_Session*,                                                                         \
    (const TF_SessionOptions*, const TF_Buffer*, const char*, const char* const*, int, TF_Graph*, TF_Buffer*,          \
     TF_Status*))                                                                                                      \
  X(TF_CloseSession, void, (TF_Session*, TF_Status*))                                                                  \
  X(TF_DeleteSession, void, (TF_Session*, TF_Status*))                                                                 \
  X(TF_SessionRun, void,                                                                                               \
    (TF_Session*, const TF_Buffer*, const TF_Output*, TF_Tensor* const*, int, const TF_Output*, TF_Tensor**, int,      \
     const TF_Operation* const*, int, TF_Buffer*, TF_Status*))
// clang-format on
