#include "codegen/cuda/custom/Nvrtc.h"
#include "compiler/Compile.h"

namespace nnf {

const char *const compilerWorkerFlag = Nvrtc::workerFlag.data();

void setCompilerWorker(std::string program) { Nvrtc::setWorker(std::move(program)); }

int runCompilerWorker(int argc, char **argv) { return Nvrtc::runWorker(argc, argv); }

} // namespace nnf
