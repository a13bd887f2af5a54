// The passes from launches of kernels to LLVM's dialect, in the order they run.
#ifndef NNF_CODEGEN_PASSES
#define NNF_CODEGEN_PASSES
include "mlir/Pass/PassBase.td"

def PrepareEmulation : Pass<"nnf-prepare-emulation", "::mlir::ModuleOp"> {
  let summary = "Give GPU kernels what the emulator needs: checks to report faults by, and scratch memory";
  let description = [{
    Each kernel of nnf-lower-kernels-to-gpu gets the emulator's faults after its own checks, each of its launches their
    messages; `nnf.scratch` becomes what the emulator needs for a block. docs/design/0004.
  }];
}

def CopyOutputs : Pass<"nnf-copy-outputs", "::mlir::ModuleOp"> {
  let summary = "Give every graph output a launch of its own that writes it";
  let description = [{
    A kernel writes its result straight into the caller's buffer. An output that no kernel makes (an input, a weight), or
    that another output has already claimed, is written by a launch of the kernel `@nnf.copy`.
    Needs: launches of kernels. Leaves: each operand of the return is a launch's result, each result at most one output.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

def PackWeights : Pass<"nnf-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Lay weights and constants out in one block of bytes";
  let description = [{
    Each distinct weight or constant that a launch reads gets a 64-byte aligned offset, `nnf.offset` on its op; the module
    gets `nnf.weights_bytes`. `WeightsBlock` is the bytes themselves. Versions of a model for several CPUs are placed
    together (`placeWeights`).
  }];
}

def PlanMemory : Pass<"nnf-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Find a place for every value that passes from launch to launch";
  let description = [{
    The arena is a row of regions, `nnf.arena` on a function: a region is as large as the largest size in its list. Each
    launch gets, for every result, `nnf.regions` (a region's number, or -1-k: the caller's buffer of output k) and
    `nnf.offsets` in it; a loop or a branch gets them for its buffers and for the memory of what it runs. `nnf.arena_live` is the most bytes of values that are needed at once, where sizes are fixed: no
    plan can do with less.
    Needs: nnf-copy-outputs.
  }];
}

def EmitDriver : Pass<"nnf-emit-driver", "::mlir::ModuleOp"> {
  let summary = "Replace @main by the model's descriptor and its driver";
  let description = [{
    Makes the functions `nnf.run`, `nnf.arena_bytes` and `nnf.output_dims`, an entry for each kernel, and the constant
    `nnf_model_<name>`, all as runtime/abi.h has them. Reads from the module `nnf.name`, `nnf.target`, `nnf.producer`,
    `nnf.cpu_features`, `nnf.content_hash`, `nnf.weights_hash`, `nnf.weights_file`.
    Needs: nnf-pack-weights, nnf-plan-memory.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::func::FuncDialect"];
}
#endif
