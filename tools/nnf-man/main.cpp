// nnf-man PROGRAM OUT: the manual page of a program of nnfc. Commands and options are what its own --help says; what it
// is for, and what else belongs on such a page, is said here.
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Page {
  const char *name, *summary, *synopsis, *description;
  std::vector<const char *> commands; ///< whose --help the page has; "": the program's own
};

const Page pages[] = {
    {"nnfc",
     "ahead-of-time compiler for neural networks",
     "nnfc COMMAND [OPTIONS] ...",
     "nnfc compiles models (ONNX, graph files) to native libraries and objects that depend on nothing but libc and the "
     "runtime of nnfc, and runs, measures, shows and compares them.",
     {"compile", "run", "bench", "tune", "inspect", "compare", "report", "reduce", "convert", "ops"}},
    {"nnf-run",
     "run and measure models compiled by nnfc",
     "nnf-run [bench] LIB.so [OPTIONS]",
     "nnf-run loads a library that nnfc compile has made, runs it on tensors of .npy files, or measures it. It needs "
     "neither the compiler nor LLVM.",
     {"", "bench"}},
    {"nnf-opt",
     "passes of nnfc on MLIR text",
     "nnf-opt [OPTIONS] [FILE]",
     "nnf-opt reads MLIR text of nnfc's dialects, from FILE or from standard input, runs the passes that the options "
     "name, and writes the text that they leave. It is a tool for those who work on the compiler. nnf-opt --help lists "
     "the passes, and the options that it has in common with MLIR's mlir-opt.",
     {}},
    {"nnf-lsp-server",
     "language server for MLIR text of nnfc's dialects",
     "nnf-lsp-server [OPTIONS]",
     "nnf-lsp-server speaks the Language Server Protocol on standard input and output: an editor that starts it shows "
     "errors, types and definitions in MLIR text that nnfc reads and writes. nnf-lsp-server --help lists the options, "
     "which are those of MLIR's mlir-lsp-server.",
     {}},
};

/// As troff wants text: nothing in it is a request or an escape.
std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text)
    out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  return !out.empty() && (out[0] == '.' || out[0] == '\'') ? "\\&" + out : out;
}

std::string upper(std::string text) {
  for (char &c : text)
    c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  return text;
}

/// What a program prints; empty where it fails.
std::string outputOf(const std::string &command) {
  FILE *pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> piece;
  while (pipe) {
    size_t count = fread(piece.data(), 1, piece.size(), pipe);
    if (count == 0)
      break;
    text.append(piece.data(), count);
  }
  return pipe && pclose(pipe) == 0 ? text : "";
}

/// Lines of a help text: a heading ends with a colon, an item is indented by two, its text stands behind it or below.
void writeHelp(std::ostream &out, const std::string &help) {
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    size_t indent = line.find_first_not_of(' ');
    if (indent == std::string::npos)
      continue;
    if (indent == 0 && line.back() == ':') {
      out << ".PP\n\\fI" << escaped(line.substr(0, line.size() - 1)) << "\\fR\n";
    } else if (indent == 2) {
      size_t gap = line.find("  ", indent), text = line.find_first_not_of(' ', gap);
      out << ".TP\n\\fB" << escaped(line.substr(indent, gap - indent)) << "\\fR\n";
      if (text != std::string::npos)
        out << escaped(line.substr(text)) << "\n";
    } else {
      out << (indent == 0 ? ".PP\n" : "") << escaped(line.substr(indent)) << "\n";
    }
  }
}

bool writePage(const Page &page, const std::string &program, std::ostream &out) {
  out << ".TH " << upper(page.name) << " 1 \"\" \"nnfc " NNF_VERSION "\" \"User Commands\"\n";
  out << ".SH NAME\n" << escaped(page.name) << " \\- " << escaped(page.summary) << "\n";
  out << ".SH SYNOPSIS\n" << escaped(page.synopsis) << "\n.SH DESCRIPTION\n" << escaped(page.description) << "\n";
  for (const char *command : page.commands) {
    std::string call = std::string(page.name) + (*command ? " " : "") + command;
    std::string help = outputOf("'" + program + "' " + command + " --help");
    if (help.empty()) {
      std::cerr << "error: '" << call << " --help' prints nothing\n";
      return false;
    }
    out << ".SH " << upper(call) << "\n";
    writeHelp(out, help);
  }
  if (!page.commands.empty())
    out << ".SH EXIT STATUS\n.TP\n0\nDone.\n.TP\n1\nThe model, the input or the machine is at fault: the first line on "
           "standard error says what was found and what was expected.\n.TP\n2\nWrong usage.\n";
  out << ".SH SEE ALSO\n";
  std::string others;
  for (const Page &other : pages)
    if (&other != &page)
      others += std::string(others.empty() ? "" : ",\n") + "\\fB" + escaped(other.name) + "\\fR(1)";
  out << others << "\n";
  return true;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "error: expected nnf-man PROGRAM OUT\n";
    return 2;
  }
  std::string program = argv[1], name = program.substr(program.rfind('/') + 1);
  for (const Page &page : pages)
    if (name == page.name) {
      std::ostringstream text;
      if (!writePage(page, program, text))
        return 1;
      std::ofstream out(argv[2]);
      out << text.str();
      return out.flush() ? 0 : 1;
    }
  std::cerr << "error: no page for '" << name << "'\n";
  return 1;
}
