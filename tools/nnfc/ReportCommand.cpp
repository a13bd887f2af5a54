// nnfc report MODEL -o OUT.html: a model on one page that needs nothing else.
#include "compiler/Inspect.h"
#include "tools/nnfc/Command.h"
#include "tools/nnfc/GraphDrawing.h"
#include "tools/nnfc/ReportPage.h"
#include "tools/run/OutputFile.h"
#include <CLI/CLI.hpp>
#include <ostream>
#include <sstream>

namespace nnf::cli {
namespace {

struct ReportRequest {
  CompileRequest compile;
  run::BenchRequest bench;
  std::string path, output;
};

Outcome makeReport(ReportRequest &request, std::ostream &notes) {
  TemporaryFolder folder;
  if (Outcome outcome = folder.check(); !outcome)
    return outcome;
  Report report;
  request.compile.model.models = {request.path};
  request.compile.output = request.bench.library = folder.path + "/model.so";
  {
    ProgressLine line;
    line.say("looking at " + request.path);
    Outcome outcome = inspectModel(request.compile.model, request.compile.code, report.summary);
    notes << outcome.warnings;
    if (!outcome)
      return outcome;
    request.compile.progress = [&](const std::string &what) { line.say(what); };
    if (outcome = compileModels(request.compile); !outcome)
      return outcome;
  }
  request.bench.title = request.path;
  request.bench.kernels = true;
  std::ostringstream nothing;
  run::BenchFigures figures;
  if (Outcome outcome = outcomeOf(run::measureModel(request.bench, {nothing, notes}, figures)); !outcome)
    return outcome;
  report.bench = figures.json;
  report.trace = figures.trace;

  // In a model with loops launches are counted otherwise than boxes.
  size_t kernels = 0;
  for (const ModelGraph::Box &box : report.summary.after.boxes)
    kernels += box.kind == ModelGraph::Kind::Kernel;
  bool isMeasured = kernels == figures.launchMicroseconds.size();
  std::string dot = dotOf(report.summary.name,
                          {{"functions of the model", report.summary.before},
                           {isMeasured ? "kernels, by measured time" : "kernels, by estimated cost",
                            report.summary.after, isMeasured ? figures.launchMicroseconds : std::vector<double>()}});
  if (Outcome outcome = drawSvg(dot, report.graph); !outcome)
    return outcome;
  return outcomeOf(run::writeFile(request.output, {pageOf(report)}));
}

} // namespace

int reportCommand(int argc, char **argv, Streams streams) {
  CLI::App app(
      "Writes a page about a model: its graph before and after fusion, the time of each kernel beside what this "
      "machine can do, its memory plan, and a run launch by launch. The page needs no other file.",
      "nnfc report");
  ReportRequest request;
  request.bench.seconds = 1;
  app.add_option("MODEL", request.path, "what to look at")->required();
  app.add_option("-o,--output", request.output, "the page")->type_name("OUT.html")->required();
  app.add_option("--seconds", request.bench.seconds, "measure for so long (default 1)")->type_name("S");
  app.add_option("--threads", request.bench.threads, "how many at most; 0 (default): all the process may use")
      ->type_name("N");
  app.add_option("--input", request.bench.inputs, "an input from a .npy file; the others are filled with random values")
      ->type_name("NAME=FILE.npy")
      ->allow_extra_args(false);
  app.add_option("--seed", request.bench.seed, "of random inputs and random ops (default 0)")->type_name("N");
  ModelOptions model(app, request.compile.model);
  CodeOptions code(app, request.compile.code);
  int status;
  if (!parse(app, model, code, argc, argv, streams, status))
    return status;
  if (request.path.ends_with(".so") || isCompiled(request.path))
    return report(Outcome::wrongUsage("'" + request.path +
                                      "' is compiled and has no graph any more, expected a model [NNFC-E0010]"),
                  streams);
  if (!request.output.ends_with(".html") && !request.output.ends_with(".htm"))
    return report(Outcome::wrongUsage("output '" + request.output +
                                      "': a report is a page, expected a name that ends in .html [NNFC-E0005]"),
                  streams);
  if (run::Failure failure = run::checkFolderOf(request.output))
    return report(outcomeOf(failure), streams);
  if (request.compile.code.target != "cpu")
    return report(Outcome::wrongUsage("--target=" + request.compile.code.target +
                                      ": a report is about code for CPUs [NNFC-E0004]"),
                  streams);
  std::ostringstream notes; // an error is the first line
  Outcome outcome = makeReport(request, notes);
  outcome.warnings = notes.str();
  if (outcome)
    streams.out << "wrote " << request.output << "\n";
  return report(outcome, streams);
}

} // namespace nnf::cli
