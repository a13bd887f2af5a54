#include "nnf.h"

namespace {
struct DType {
  const char *name;
  uint32_t bytes;
  uint8_t code;
};
// By number; 0 is no dtype.
constexpr DType dtypes[] = {
    {"unknown", 0, kDLOpaqueHandle},
    {"float32", 4, kDLFloat},
    {"float64", 8, kDLFloat},
    {"float16", 2, kDLFloat},
    {"bfloat16", 2, kDLBfloat},
    {"int64", 8, kDLInt},
    {"int32", 4, kDLInt},
    {"int16", 2, kDLInt},
    {"int8", 1, kDLInt},
    {"uint8", 1, kDLUInt},
    {"bool", 1, kDLUInt},
    {"uint16", 2, kDLUInt},
    {"uint32", 4, kDLUInt},
    {"uint64", 8, kDLUInt},
};
const DType &find(uint32_t dtype) { return dtypes[dtype < sizeof dtypes / sizeof *dtypes ? dtype : 0]; }
} // namespace

const char *nnf_dtype_name(uint32_t dtype) { return find(dtype).name; }
uint32_t nnf_dtype_bytes(uint32_t dtype) { return find(dtype).bytes; }
DLDataType nnf_dtype_dlpack(uint32_t dtype) { return {find(dtype).code, uint8_t(find(dtype).bytes * 8), 1}; }

const char *nnf_status_name(int32_t status) {
  switch (status) {
  case NNF_OK: return "ok";
  case NNF_ERROR_ARGUMENT: return "invalid argument";
  case NNF_ERROR_DATA: return "invalid data";
  case NNF_ERROR_MODEL: return "unusable model";
  case NNF_ERROR_MEMORY: return "out of memory";
  case NNF_ERROR_UNSUPPORTED: return "not supported here";
  case NNF_CANCELLED: return "cancelled";
  case NNF_ERROR_INTERNAL: return "internal error";
  default: return "unknown status";
  }
}
