// nnfc convert IN -o OUT
#include "compiler/Convert.h"
#include "tools/nnfc/Command.h"
#include <CLI/CLI.hpp>

int nnf::cli::convertCommand(int argc, char **argv, Streams streams) {
  CLI::App app("Writes a model in another format: .nnf, .nnf.txt or .mlir, by the extension of OUT; to .safetensors "
               "its constants "
               "alone.",
               "nnfc convert");
  ModelRequest request;
  std::string input, output, weightsFrom, weights = "embed";
  app.add_option("MODEL", input, "what to read")->required();
  app.add_option("-o,--output", output, "what to write")->type_name("OUT")->required();
  app.add_option("--weights", weights, "embed (default), or external: a .safetensors file beside OUT")
      ->type_name("WHERE");
  app.add_option("--weights-from", weightsFrom,
                 "take the numbers of constants from the tensors of their names in there")
      ->type_name("FILE.safetensors");
  ModelOptions model(app, request);
  int status;
  if (!parse(app, argc, argv, streams, status))
    return status;
  if (Outcome outcome = model.finish(); !outcome)
    return report(outcome, streams);
  if (weights != "embed" && weights != "external")
    return report(Outcome::wrongUsage("--weights=" + weights + ": expected embed or external [NNFC-E0003]"), streams);
  request.models = {input};
  return report(convertModel(request, output, weights == "external", weightsFrom), streams);
}
