// Kernels that a model brings with it, and the primitive that they become.
#ifndef NNF_OPS_CUSTOMKERNELS
#define NNF_OPS_CUSTOMKERNELS
include "dialects/nnf/NnfBase.td"

def Nnf_CustomCudaOp : Nnf_Function<"custom_cuda"> {
  let summary = "A kernel of one's own, in CUDA C++";
  let description = [{
    The source is compiled when the model is, and becomes part of the library; the kernel is launched in its place among
    the others. It must depend on its arguments alone, since a launch whose results nobody reads is left out and equal
    ones may be made once. What it does not write of an output is undefined.

    Sizes are text: numbers, `size(i, d)` (dimension d of input i), `numel(i)`, `+`, `-`, `*`, `/` by a number (rounded
    down), `ceildiv(a, b)`, `min(a, b)`, `max(a, b)`, parentheses.
  }];
  let arguments = (ins Variadic<Nnf_Tensor>:$inputs, Nnf_String:$source, Nnf_String:$kernel, Nnf_String:$types,
      Nnf_String:$grid, DefaultValuedStrAttr<Nnf_String, "256">:$block,
      DefaultValuedStrAttr<Nnf_String, "">:$arguments, DefaultValuedStrAttr<Nnf_String, "0">:$shared_memory);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let targets = "cuda, cuda-emu";
  let takes = [{
    inputs: any dtype and shape, as many as 64
    source: CUDA C++; it includes headers of CUDA's toolkit alone, as <name>
    kernel: the name of a __global__ function in it that is declared extern "C"
    types: a list of the outputs' types: 'float32[size(0, 0), 8]', or 'like(0)' for that of input 0
    grid: one to three sizes separated by commas: the blocks
    block: one to three numbers: the threads of a block
    arguments: a list of what the kernel takes, in its order: 'input(0)', 'output(0)', a size as 'int64(numel(0))' or 'int32(size(0, 1))', a number as 'float32(0.5)' or 'float64(0.5)'; empty: all inputs, then all outputs
    shared_memory: bytes of dynamic shared memory, a number
  }];
  let gives = "outputs: as types says, one to 64";
  let errors = [{
    inputs: 65 tensors, expected at most 64
    kernel: 'my kernel', expected a name of C++
    types: at character 9: 'x', expected a size
    types: at character 14: input 3, expected 0 to 0
    types: at character 17: dimension 3, expected fewer than the 2 of that input
    types: at character 1: dtype 'float12', expected float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool, uint16, uint32 or uint64
    types: size -1 of an output, expected at least 0
    types: 65 outputs, expected 1 to 64
    grid: 4 sizes, expected 1 to 3
    grid: 100000 blocks in dimension 1, expected 0 to 65535
    grid: at character 3: a division by 0, expected a number of at least 1
    block: size N is symbolic, expected a number
    block: 2048 threads in dimension 0, expected 1 to 1024
    block: 2048 threads, expected at most 1024
    arguments: at character 1: 'tensor', expected input, output, int32, int64, float32 or float64
    arguments: 2147483648 as an int32, expected -2147483648 to 2147483647
    shared_memory: 1000000 bytes, expected 0 to 232448
  }];
  let formula = "outputs = kernel<<<grid, block, shared_memory>>>(arguments)";
  let example = [{ %y = nnf.custom_cuda %x {source = "extern \"C\" __global__ void twice(const float *x, float *y) { int i = blockIdx.x * blockDim.x + threadIdx.x; y[i] = 2 * x[i]; }", kernel = "twice", types = "like(0)", grid = "numel(0) / 32", block = "32"} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

// Beside its function: only what launches kernels has to know it.
def Nnf_PrimCustomCudaOp : Nnf_Prim<"custom_cuda"> {
  let summary = "A launch of a kernel in CUDA C++, read out of the texts of nnf.custom_cuda";
  let description = [{
    `parameters` has a number for each parameter of the kernel: first the inputs count, then the outputs, then `values`.
    A value is passed as an integer of its number of `bytes`; floats are there as their bits. `grid` has three sizes,
    `block` three numbers. Inputs and outputs are whole buffers in memory: it is a kernel by itself.
  }];
  let arguments = (ins Variadic<Nnf_Tensor>:$inputs, StrAttr:$source, StrAttr:$kernel, Nnf_DimsAttr:$grid,
      DenseI64ArrayAttr:$block, I64Attr:$shared_bytes, DenseI64ArrayAttr:$parameters, Nnf_DimsAttr:$values,
      DenseI64ArrayAttr:$bytes);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let hasVerifier = 1;
}
#endif
