// What LLVM and LLD do when they give up.
#include "compiler/Compile.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include <cstdio>
#include <unistd.h>

namespace nnf {

void installFatalErrorHandlers() {
  auto die = [](void *, const char *reason, bool) {
    llvm::sys::RunInterruptHandlers(); // removes temporary files
    fprintf(stderr, "error: internal: LLVM: %s [NNFC-E9001]\n", reason);
    _exit(1);
  };
  llvm::install_fatal_error_handler(die);
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) {
    llvm::sys::RunInterruptHandlers();
    static const char text[] = "error: out of memory [NNFC-E0609]\n";
    (void)!write(2, text, sizeof text - 1);
    _exit(1);
  });
}

} // namespace nnf
