#include "tools/nnfc/GraphDrawing.h"
#include "tools/nnfc/Command.h"
#include "tools/run/Json.h"
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

namespace nnf::cli {
namespace {

constexpr size_t longestLine = 60; // of a label, in characters: longer ones go on in the tooltip
constexpr size_t mostNotes = 4;
/// Beyond this Graphviz is told to look for a good layout less long, and edges have no labels.
constexpr size_t largeGraph = 400;
constexpr int secondsToDraw = 60;

/// The first `limit` characters of UTF-8.
std::string shortened(const std::string &text, size_t limit) {
  size_t characters = 0, at = 0;
  for (; at < text.size(); ++at)
    if ((uint8_t(text[at]) & 0xC0) != 0x80 && ++characters > limit)
      break;
  return at < text.size() ? text.substr(0, at) + "…" : text;
}

/// Text inside a quoted string of Graphviz's language: what it would read as an escape, and what XML cannot hold, is
/// made harmless. `text` is UTF-8 or not.
std::string quoted(const std::string &text) {
  // A JSON string has valid UTF-8 and no control characters; its escapes are undone where they stand for a character.
  std::string json = run::jsonString(text), result;
  for (size_t i = 1; i + 1 < json.size(); ++i) {
    if (json[i] != '\\') {
      result += json[i] == '&' ? "&amp;" : std::string(1, json[i]); // Graphviz would read entities
      continue;
    }
    ++i;
    if (json[i] == 'u') {
      result += "\xEF\xBF\xBD"; // a control character, or a byte that is no UTF-8
      i += 4;
    } else {
      result += json[i] == '"' ? "\\\"" : "\\\\";
    }
  }
  return result;
}

/// Lines of a label, centred.
std::string label(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines)
    if (!line.empty())
      text += (text.empty() ? "" : "\\n") + quoted(shortened(line, longestLine));
  return text;
}

std::string amount(double value, const char *unit) {
  const char *prefixes[] = {"", "k", "M", "G", "T"};
  int prefix = 0;
  for (; value >= 1000 && prefix < 4; ++prefix)
    value /= 1000;
  char text[64];
  snprintf(text, sizeof text, value < 10 && prefix ? "%.1f %s%s" : "%.0f %s%s", value, prefixes[prefix], unit);
  return text;
}

/// From pale yellow (0) to dark red (1), as #rrggbb.
std::string colorOf(double share) {
  constexpr double stops[][3] = {{255, 253, 220}, {254, 204, 92}, {240, 90, 50}, {180, 10, 30}};
  double place = std::sqrt(std::clamp(share, 0.0, 1.0)) * 3;
  int stop = std::min(int(place), 2);
  int channels[3];
  for (int c = 0; c < 3; ++c)
    channels[c] = int(std::lround(stops[stop][c] + (stops[stop + 1][c] - stops[stop][c]) * (place - stop)));
  char text[8];
  snprintf(text, sizeof text, "#%02x%02x%02x", channels[0], channels[1], channels[2]);
  return text;
}

std::string percent(double cost) {
  char text[32];
  snprintf(text, sizeof text, "%.1f %%", 100 * cost);
  return text;
}

class DotWriter {
public:
  explicit DotWriter(std::ostream &out) : out(out) {}

  void write(const GraphPanel &panel, size_t number, bool withTypes) {
    const ModelGraph &graph = panel.graph;
    std::string prefix = "p" + std::to_string(number) + "_";
    if (graph.boxes.empty())
      return;
    out << "  subgraph cluster_" << number << " {\n    label=\"" << quoted(panel.title) << "\"; color=gray;\n";
    std::vector<double> costs = costsOf(graph, panel.microseconds);
    double largest = *std::max_element(costs.begin(), costs.end());
    for (size_t i = 0; i < graph.boxes.size(); ++i)
      write(graph.boxes[i], costs[i], largest > 0 ? costs[i] / largest : 0, prefix + std::to_string(i));
    for (const ModelGraph::Edge &edge : graph.edges) {
      out << "    " << prefix << edge.from << " -> " << prefix << edge.to;
      if (withTypes)
        out << " [label=\"" << quoted(shortened(edge.type, longestLine)) << "\"]";
      out << ";\n";
    }
    out << "  }\n";
  }

private:
  std::ostream &out;

  void write(const ModelGraph::Box &box, double cost, double share, const std::string &id) {
    std::vector<std::string> lines = {box.op, box.name};
    lines.insert(lines.end(), box.notes.begin(), box.notes.begin() + ptrdiff_t(std::min(box.notes.size(), mostNotes)));
    if (box.notes.size() > mostNotes)
      lines.push_back("and " + std::to_string(box.notes.size() - mostNotes) + " more");
    if (box.flops >= 0 && box.bytes >= 0)
      lines.push_back(amount(double(box.flops), "FLOP") + ", " + amount(double(box.bytes), "B"));
    if (cost >= 0)
      lines.push_back(percent(cost));
    std::string tooltip = box.op + " " + box.name;
    for (const std::string &note : box.notes)
      tooltip += "; " + note;
    out << "    " << id << " [id=\"" << id << "\", label=\"" << label(lines) << "\", tooltip=\""
        << quoted(shortened(tooltip, 1000)) << "\"";
    switch (box.kind) {
    case ModelGraph::Kind::Input: out << ", shape=ellipse, fillcolor=\"#cfe8ff\""; break;
    case ModelGraph::Kind::Output: out << ", shape=ellipse, fillcolor=\"#d6f5d6\""; break;
    case ModelGraph::Kind::Node: out << ", fillcolor=white"; break;
    case ModelGraph::Kind::Kernel:
      out << ", fillcolor=\"" << (cost >= 0 ? colorOf(share) : "white") << "\"";
      if (share > 0.6) // on dark red
        out << ", fontcolor=white";
      break;
    }
    out << "];\n";
  }
};

} // namespace

std::vector<double> costsOf(const ModelGraph &graph, const std::vector<double> &microseconds) {
  // A core makes some 64 operations while it moves 8 bytes: what counts is the larger of both.
  constexpr double flopsPerByte = 8;
  std::vector<double> costs(graph.boxes.size(), -1);
  double total = 0;
  size_t kernel = 0;
  for (size_t i = 0; i < graph.boxes.size(); ++i) {
    const ModelGraph::Box &box = graph.boxes[i];
    if (box.kind != ModelGraph::Kind::Kernel)
      continue;
    size_t number = kernel++;
    if (!microseconds.empty())
      costs[i] = number < microseconds.size() ? microseconds[number] : -1;
    else if (box.flops >= 0 && box.bytes >= 0)
      costs[i] = std::max(double(box.flops) / flopsPerByte, double(box.bytes));
    total += std::max(costs[i], 0.0);
  }
  for (double &cost : costs)
    if (cost >= 0)
      cost = total > 0 ? cost / total : 0;
  return costs;
}

std::string dotOf(const std::string &title, const std::vector<GraphPanel> &panels) {
  size_t boxes = 0;
  for (const GraphPanel &panel : panels)
    boxes += panel.graph.boxes.size();
  bool isLarge = boxes > largeGraph;
  std::ostringstream out;
  out << "digraph nnfc {\n  label=\"" << quoted(shortened(title, 200))
      << "\"; labelloc=t; fontname=\"Helvetica\"; fontsize=18;\n"
         "  node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=11];\n"
         "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#606060\"];\n";
  if (isLarge) // the search for a layout grows with the square of the graph
    out << "  nslimit=2; nslimit1=2; mclimit=0.2; splines=line;\n";
  DotWriter writer(out);
  for (size_t i = 0; i < panels.size(); ++i)
    writer.write(panels[i], i, !isLarge);
  out << "}\n";
  return out.str();
}

Outcome drawSvg(const std::string &dot, std::string &svg) {
  TemporaryFolder folder;
  if (Outcome outcome = folder.check(); !outcome)
    return outcome;
  std::string in = folder.path + "/graph.dot", out = folder.path + "/graph.svg", errors = folder.path + "/errors";
  {
    std::ofstream file(in, std::ios::binary);
    if (!(file << dot) || !file.flush())
      return Outcome::fault("drawing the graph: '" + in + "' cannot be written [NNFC-E0903]");
  }
  const char *arguments[] = {"dot", "-Tsvg", "-o", out.c_str(), in.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t child;
  int failure = posix_spawnp(&child, "dot", &actions, nullptr, const_cast<char **>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == ENOENT)
    return Outcome::fault(
        "drawing the graph: Graphviz's program 'dot' was not found, expected it in PATH [NNFC-E0903]\n"
        "  hint: apt-get install graphviz, or write a .dot file, which needs none");
  if (failure)
    return Outcome::fault(std::string("drawing the graph: 'dot' cannot be started: ") + strerror(failure) +
                          " [NNFC-E0903]");
  int status = 0;
  pid_t ended = 0;
  for (int hundredths = 0; hundredths < secondsToDraw * 100 && ended == 0; ++hundredths) {
    ended = waitpid(child, &status, WNOHANG);
    if (ended == 0) {
      timespec pause = {0, 10'000'000};
      nanosleep(&pause, nullptr);
    }
  }
  if (ended == 0) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return Outcome::fault(
        "drawing the graph: 'dot' found no layout in " + std::to_string(secondsToDraw) +
        " s [NNFC-E0903]\n  hint: write a .dot file, and draw it with a program for large graphs (sfdp)");
  }
  std::ifstream drawn(out, std::ios::binary);
  svg.assign(std::istreambuf_iterator<char>(drawn), {});
  if (ended != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || svg.empty()) {
    std::ifstream said(errors);
    std::string line;
    std::getline(said, line);
    return Outcome::fault("drawing the graph: 'dot' failed: " + (line.empty() ? "it says nothing" : line) +
                          " [NNFC-E0903]");
  }
  return {};
}

} // namespace nnf::cli
