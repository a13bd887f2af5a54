#include "compiler/Convert.h"
#include "compiler/Diagnostics.h"
#include "compiler/ReadModel.h"
#include "compiler/TensorsFile.h"

using namespace mlir;
namespace nnf {

Outcome convertModel(const ModelRequest &request, const std::string &output, bool weightsBeside,
                     const std::string &weightsFrom) {
  std::optional<ModelFormat> format = modelFormatOf(output, "");
  bool tensorsAlone = StringRef(output).ends_with(".safetensors");
  if (!tensorsAlone && (!format || *format == ModelFormat::Onnx))
    return Outcome::wrongUsage("output '" + output +
                               "': expected a name that ends in .nnf, .nnf.txt, .mlir or .safetensors [NNFC-E0005]");
  std::unique_ptr<MLIRContext> context = createContext();
  DiagnosticSink sink(*context);
  // Not readModel(): that names the model for a library, and a conversion keeps the name it has.
  ReadOptions options;
  options.dims = request.dims;
  options.dataDirs = request.dataDirs;
  const std::string &input = request.models.front();
  if (StringRef(input).ends_with(".safetensors"))
    return Outcome::wrongUsage("'" + input +
                               "': tensors without a graph: name the model, and this file with "
                               "--weights-from [NNFC-E0006]");
  OwningOpRef<ModuleOp> module = readModelFile(*context, input, modelFormatOf(input, request.format), options);
  if (!module)
    return Outcome::fault(sink.errors());
  if (!weightsFrom.empty() && failed(readTensorsInto(*module, weightsFrom)))
    return Outcome::fault(sink.errors());
  LogicalResult written =
      tensorsAlone ? writeTensors(*module, output)
                   : writeModelFile(*module, output, format, weightsBeside ? WeightsGo::Beside : WeightsGo::Inside);
  if (failed(written))
    return Outcome::fault(sink.errors());
  Outcome done;
  done.warnings = sink.takeWarnings();
  return done;
}

} // namespace nnf
