// Imports every ONNX file named on the command line, in one process, and says of each whether it could be:
//   ok PATH
//   error PATH<tab>the first error, with newlines as \n
// What run.py asks before it compiles: most of the suite's time would be starting processes otherwise.
#include "test/onnx/Imported.h"

#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    nnf::test::Imported imported(argv[i]);
    if (imported.module) {
      llvm::outs() << "ok " << argv[i] << "\n";
      continue;
    }
    std::string text = imported.error;
    for (size_t at; (at = text.find('\n')) != std::string::npos;)
      text.replace(at, 1, "\\n");
    llvm::outs() << "error " << argv[i] << "\t" << text << "\n";
  }
  return 0;
}
