// Graphs in Graphviz's language, and drawn by it.
#pragma once
#include "compiler/Compile.h"
#include "compiler/seeing/ModelGraph.h"

namespace nnf::cli {

/// A panel of the picture: a graph under a heading.
struct GraphPanel {
  std::string title;
  const ModelGraph &graph;
  std::vector<double> microseconds = {}; ///< of each kernel box; empty: estimated
};

/// How long each kernel takes, in parts of all: by `microseconds` where they were measured (one per kernel box, in
/// their order), else by an estimate from its operations and bytes. Boxes that are no kernels, and kernels of which
/// nothing is known, get -1.
std::vector<double> costsOf(const ModelGraph &graph, const std::vector<double> &microseconds = {});

/// Graphviz text with the panels side by side. Names may hold anything.
std::string dotOf(const std::string &title, const std::vector<GraphPanel> &panels);

/// What `dot -Tsvg` makes of the text. Errors: there is no dot, it failed, or took more than a minute.
Outcome drawSvg(const std::string &dot, std::string &svg);

} // namespace nnf::cli
