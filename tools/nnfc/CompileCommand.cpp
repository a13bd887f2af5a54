// nnfc compile MODEL -o OUT
#include "tools/nnfc/Command.h"
#include <CLI/CLI.hpp>

int nnf::cli::compileCommand(int argc, char **argv, Streams streams) {
  CLI::App app(
      "Compiles a model, or several into one library. What is made follows the extension of OUT: .so, .o (with a "
      ".h), .a (with a .h), .s, .ll, .ptx, .cubin, .mlir.",
      "nnfc compile");
  app.footer("Compiled kernels are kept in $NNFC_CACHE_DIR, else $XDG_CACHE_HOME/nnfc, else ~/.cache/nnfc; at most "
             "$NNFC_CACHE_SIZE bytes of them (default 1G, K and M do as well). NNFC_CACHE_DIR= is none.");
  CompileRequest request;
  std::string weights = "embed";
  app.add_option("MODEL", request.model.models, "what to compile")->required();
  app.add_option("-o,--output", request.output, "where the result goes")->type_name("OUT")->required();
  app.add_option("--emit", request.emit, "so, o, a, s, ll, cu, ptx, cubin or mlir, instead of the extension")
      ->type_name("KIND");
  app.add_option("--phase", request.phase, "with .mlir: input (default), primitives, groups, tiles, buffers or code")
      ->type_name("PHASE");
  app.add_option("--name", request.model.name, "the model's name in symbols (default: the file's)")->type_name("NAME");
  app.add_option("--weights", weights, "embed (default), or external: a file beside OUT")->type_name("WHERE");
  app.add_flag("--swappable-weights", request.model.swappableWeights,
               "programs may set the weights: nnf_program_set_weights");
  app.add_option("--cxx-class", request.cxxClass,
                 "with .o or .a: a C++ class of this name in OUT.hpp, beside the C header")
      ->type_name("CLASS");
  app.add_option("--depfile", request.depfile, "list the files that were read, as make and Ninja want it")
      ->type_name("FILE");
  app.add_flag("--verify-each", request.verifyEach, "check the IR after every pass");
  app.add_option("--mlir", request.mlirFlags, "a flag for MLIR, such as --mlir=--mlir-timing")
      ->type_name("FLAG")
      ->allow_extra_args(false);
  ModelOptions model(app, request.model);
  CodeOptions code(app, request.code);
  int status;
  if (!parse(app, model, code, argc, argv, streams, status))
    return status;
  if (weights != "embed" && weights != "external")
    return report(Outcome::wrongUsage("--weights=" + weights + ": expected embed or external [NNFC-E0003]"), streams);
  request.externalWeights = weights == "external";
  Outcome outcome;
  {
    ProgressLine line;
    request.progress = [&](const std::string &what) { line.say(what); };
    outcome = compileModels(request);
  }
  return report(outcome, streams);
}
