/* What the emulator finds wrong with a kernel: the numbers it reports, and the words for them. Each emulated kernel has
 * these after its own run-time checks; {value} is the block, {bound} the second number. */
#ifndef NNF_CODEGEN_CUDA_EMULATOR_FAULTS_H
#define NNF_CODEGEN_CUDA_EMULATOR_FAULTS_H

enum {
  NNF_FAULT_DEADLOCK,
  NNF_FAULT_BARRIER,
  NNF_FAULT_SHUFFLE,
  NNF_FAULT_RACE,
  NNF_FAULT_UNWRITTEN,
  NNF_FAULT_BOUNDS,
  NNF_FAULT_ALIGNMENT,
  NNF_FAULT_STACK,
  NNF_FAULT_WARP,
  NNF_FAULT_IN_FLIGHT,
  NNF_FAULT_SOURCE,
  NNF_FAULT_COPIES,
  NNF_FAULT_UNWAITED,
  NNF_FAULT_NO_BARRIER,
  NNF_FAULT_ARRIVALS,
  NNF_FAULT_TILE,
  NNF_FAULT_NOT_FREE,
  NNF_FAULT_PRODUCT,
  NNF_FAULT_SUMS,
  NNF_FAULT_ROWS,
  NNF_FAULT_REGISTERS,
  NNF_FAULT_GRID,
  NNF_FAULTS
};

#define NNF_FAULT_MESSAGES                                                                                             \
  "cuda-emu: block {value} hangs: {bound} threads wait for threads that never come",                                   \
      "cuda-emu: block {value}: threads meet at different barriers, thread {bound} among them",                        \
      "cuda-emu: block {value}: thread {bound} shuffles with lanes that do not take part",                             \
      "cuda-emu: block {value}: threads race for byte {bound} of shared memory",                                       \
      "cuda-emu: block {value}: byte {bound} of shared memory is read before it is written",                           \
      "cuda-emu: block {value}: byte {bound} is beyond shared memory",                                                 \
      "cuda-emu: block {value}: the access to byte {bound} of shared memory is not aligned",                           \
      "cuda-emu: block {value}: thread {bound} needs more stack than the emulator gives",                              \
      "cuda-emu: block {value}: threads of a warp meet at different instructions, thread {bound} among them",          \
      "cuda-emu: block {value}: byte {bound} of shared memory is touched while a copy to it is under way",             \
      "cuda-emu: block {value}: thread {bound} copies from an address that is not aligned",                            \
      "cuda-emu: block {value}: thread {bound} has more copies under way than the emulator keeps",                     \
      "cuda-emu: block {value}: thread {bound} ends with copies under way",                                            \
      "cuda-emu: block {value}: thread {bound} uses a barrier in shared memory that is none for it yet",               \
      "cuda-emu: block {value}: thread {bound} arrives at a barrier in shared memory that all have arrived at",        \
      "cuda-emu: block {value}: thread {bound} copies a tile that its tensor map does not describe",                   \
      "cuda-emu: block {value}: byte {bound} of shared memory is used while others may still use it",                  \
      "cuda-emu: block {value}: thread {bound} multiplies without a fence, or what no descriptor can say",             \
      "cuda-emu: block {value}: thread {bound} takes sums of products that it has not waited for",                     \
      "cuda-emu: block {value}: thread {bound} changes registers that products may still read",                        \
      "cuda-emu: block {value}: thread {bound} asks for a number of registers that it cannot have",                    \
      "cuda-emu: block {value}: thread {bound} asks how many blocks there are, which nobody has said"

#endif
