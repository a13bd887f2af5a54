// The page of nnfc report.
#pragma once
#include "compiler/Inspect.h"

namespace nnf::cli {

struct Report {
  ModelSummary summary;
  std::string bench; ///< JSON of bench --kernels
  std::string trace; ///< JSON of bench --profile
  std::string graph; ///< SVG
};

/// One HTML file without links to others. All numbers on it are in the JSON of its element `nnfc-report`, which its
/// script draws: {"model", "summary", "buffers", "bench", "trace"}.
std::string pageOf(const Report &report);

} // namespace nnf::cli
