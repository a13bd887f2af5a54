// nnf-tblgen: makes code and documentation of the function records.
#include "llvm/TableGen/Main.h"
#include "FunctionRecord.h"
#include "llvm/Support/CommandLine.h"

using namespace nnf::tblgen;
namespace cl = llvm::cl;

using Emitter = void (*)(llvm::ArrayRef<FunctionRecord>, llvm::raw_ostream &);
enum class Action { Table, Docs, Builder, Python };
static constexpr Emitter emitters[] = {emitTable, emitDocs, emitBuilder, emitPython};

static cl::opt<Action>
    action(cl::Required, cl::desc("What to make:"),
           cl::values(clEnumValN(Action::Table, "gen-table", "the function table of the compiler"),
                      clEnumValN(Action::Docs, "gen-docs", "the pages about all functions, into -docs-folder"),
                      clEnumValN(Action::Builder, "gen-builder", "the methods of the C++ API"),
                      clEnumValN(Action::Python, "gen-python", "the methods of the Python API")));

std::string nnf::tblgen::docsFolder;
static cl::opt<std::string, true> docsFolderOption("docs-folder", cl::location(docsFolder), cl::value_desc("folder"),
                                                   cl::desc("Where -gen-docs writes README.md and a page a family"));

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Makes code and documentation of nnf's function records\n");
  auto emit = [](llvm::raw_ostream &os, const llvm::RecordKeeper &records) {
    emitters[static_cast<int>(action.getValue())](readFunctions(records), os);
    return false;
  };
  return llvm::TableGenMain(argv[0], llvm::TableGenMainFn(emit));
}
