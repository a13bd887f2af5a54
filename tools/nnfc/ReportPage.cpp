#include "tools/nnfc/ReportPage.h"
#include "tools/run/Json.h"

namespace nnf::cli {
namespace {

constexpr const char *head = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>nnfc report</title>
<style>
body { font: 14px/1.5 Helvetica, Arial, sans-serif; margin: 2em auto; max-width: 1300px; padding: 0 1em; color: #222; }
h1 { font-size: 22px; } h2 { font-size: 17px; margin-top: 2em; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; } td, th { padding: 2px 10px; text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid #888; } th.name { text-align: left; } td.name { text-align: left; white-space: normal; word-break: break-word; }
tr:nth-child(even) td { background: #f6f6f6; } .bar { background: #e8743b; height: 10px; display: inline-block; }
.scroll { overflow: auto; max-height: 85vh; border: 1px solid #ddd; } .facts td { text-align: left; }
svg text { font-family: Helvetica, Arial, sans-serif; } .quiet { color: #777; }
</style></head><body>
<h1 id="title"></h1><table class="facts" id="facts"></table>
<h2>Kernels</h2><p class="quiet" id="roofline"></p><div class="scroll"><table id="kernels"></table></div>
<h2>One run</h2><div class="scroll" id="timeline"></div>
<h2>Memory plan</h2><p class="quiet" id="plan-facts"></p><div class="scroll" id="plan"></div>
<h2>Graph</h2><div class="scroll" id="graph">
)html";

constexpr const char *script = R"html(<script>
"use strict";
const report = JSON.parse(document.getElementById("nnfc-report").textContent);
const byId = id => document.getElementById(id);
const make = (parent, name, text, attributes = {}) => {
  const isSvg = parent.namespaceURI.endsWith("svg") || name === "svg";
  const element = isSvg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
};
const digits = (value, places = 1) => value === undefined || value === null ? "–" : value.toFixed(places);
const bytes = value => value >= 1e9 ? digits(value / 1e9) + " GB" : value >= 1e6 ? digits(value / 1e6) + " MB"
  : value >= 1e3 ? digits(value / 1e3) + " kB" : value + " B";
const color = i => `hsl(${(i * 47) % 360} 60% 68%)`;
const {bench, summary, buffers, trace} = report;

byId("title").textContent = report.model;
document.title = report.model + ": nnfc report";
const facts = [["file", bench.file], ["compiled by", bench.producer + " for " + bench.target],
  ["inputs", Object.entries(bench.inputs).map(([name, type]) => name + ": " + type).join(", ")],
  ["latency", `p50 ${digits(bench.latency_us.p50)} µs, p90 ${digits(bench.latency_us.p90)} µs, p99 ` +
    `${digits(bench.latency_us.p99)} µs, ${bench.iterations} runs on ${bench.threads} threads`],
  ["throughput", digits(bench.throughput_per_s) + " runs/s"],
  ["memory", `weights ${bytes(bench.weights_bytes)}, context ${bytes(bench.context_bytes)}`],
  ["kernels", `${summary.launches} launches of ${summary.kernels} kernels, made of ${summary.nodes} functions`]];
for (const [name, value] of facts) { const row = make(byId("facts"), "tr"); make(row, "th", name); make(row, "td", value); }

if (bench.roofline) byId("roofline").textContent = `This machine, measured just then: ${digits(bench.roofline.gflops_per_s)} GFLOP/s in float32, ` +
  `${digits(bench.roofline.gbytes_per_s)} GB/s of memory. Over 100 % is data that a cache still held.`;
const table = byId("kernels"), header = make(table, "tr");
for (const name of ["µs", "%", "", "GFLOP/s", "GB/s", "% of roofline", "node", "kernel"])
  make(header, "th", name, {class: name === "node" || name === "kernel" ? "name" : "number"});
for (const kernel of bench.kernels) {
  const row = make(table, "tr");
  make(row, "td", digits(kernel.us, 2)); make(row, "td", digits(100 * kernel.of_all));
  make(make(row, "td", undefined, {style: "text-align: left; min-width: 110px"}), "span", undefined,
    {class: "bar", style: `width: ${Math.max(1, 100 * kernel.of_all / bench.kernels[0].of_all)}px`});
  make(row, "td", digits(kernel.gflops_per_s)); make(row, "td", digits(kernel.gbytes_per_s));
  make(row, "td", kernel.of_roofline === undefined ? "–" : digits(100 * kernel.of_roofline, 0));
  make(row, "td", kernel.node, {class: "name"}); make(row, "td", kernel.kernel, {class: "name"});
}

// A typical run: the one of median time, in which nothing else on the machine came between.
const runs = trace.traceEvents.filter(e => e.cat === "run").sort((a, b) => a.dur - b.dur), run = runs[runs.length >> 1];
const launches = trace.traceEvents.filter(e => e.cat === "kernel" && e.ts >= run.ts && e.ts < run.ts + run.dur);
{
  const width = Math.max(1200, launches.length * 12), scale = width / run.dur;
  const svg = make(byId("timeline"), "svg", undefined, {width: width + 20, height: 70, id: "timeline-svg"});
  for (const [i, e] of launches.entries()) {
    const x = 10 + (e.ts - run.ts) * scale, box = make(svg, "rect", undefined,
      {x, y: 8, width: Math.max(0.5, e.dur * scale), height: 30, fill: color(e.args.launch), class: "launch"});
    make(box, "title", `${e.args.node || ""}: ${e.name}\n${digits(e.dur, 2)} µs, ${e.args.tasks} tasks`);
  }
  for (let i = 0; i <= 5; ++i)
    make(svg, "text", digits(run.dur * i / 5, 1) + " µs", {x: 10 + width * i / 5, y: 58, "font-size": 11,
      "text-anchor": i === 0 ? "start" : i === 5 ? "end" : "middle"});
}

if (buffers.length) {
  byId("plan-facts").textContent = `${bytes(summary.arena_bytes)} between kernels; the most that is needed at once is ` +
    `${bytes(summary.live_bytes)}. Across: launches; upwards: bytes of the arena.`;
  const steps = Math.max(...buffers.map(b => b.last)) + 1, width = Math.max(1200, steps * 8), height = 420;
  const svg = make(byId("plan"), "svg", undefined, {width: width + 20, height: height + 30, id: "plan-svg"});
  for (const [i, b] of buffers.entries()) {
    const box = make(svg, "rect", undefined, {x: 10 + b.first * width / steps, class: "buffer",
      y: 8 + height * (1 - (b.offset + b.bytes) / summary.arena_bytes), width: (b.last - b.first + 1) * width / steps,
      height: Math.max(0.5, height * b.bytes / summary.arena_bytes), fill: color(i), stroke: "#fff"});
    make(box, "title", `${b.name}: ${bytes(b.bytes)} at ${b.offset}, launches ${b.first} to ${b.last}`);
  }
  make(svg, "text", "launch 0", {x: 10, y: height + 24, "font-size": 11});
  make(svg, "text", "launch " + (steps - 1), {x: 10 + width, y: height + 24, "font-size": 11, "text-anchor": "end"});
} else {
  byId("plan-facts").textContent = "No picture: nothing lies between kernels, or sizes are known at run time only.";
}
document.body.dataset.drawn = String(table.rows.length - 1); // for those who wait until the page is ready
</script></body></html>
)html";

/// JSON inside of a script element: what could end the element is written otherwise.
std::string inScript(const std::string &json) {
  std::string text;
  for (char c : json)
    text += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : c == '&' ? "\\u0026" : std::string(1, c);
  return text;
}

std::string summaryJson(const ModelSummary &summary) {
  size_t nodes = 0;
  for (const ModelGraph::Box &box : summary.before.boxes)
    nodes += box.kind == ModelGraph::Kind::Node;
  auto number = [](const std::optional<int64_t> &value) { return value ? std::to_string(*value) : "null"; };
  return "{\"nodes\": " + std::to_string(nodes) + ", \"kernels\": " + std::to_string(summary.kernels.size()) +
         ", \"launches\": " + std::to_string(summary.launches) + ", \"arena_bytes\": " + number(summary.arenaBytes) +
         ", \"live_bytes\": " + number(summary.liveBytes) +
         ", \"weights_bytes\": " + std::to_string(summary.weightsBytes) + "}";
}

std::string buffersJson(const ModelSummary &summary) {
  std::string json = "[";
  for (const ModelSummary::Buffer &buffer : summary.buffers)
    json += std::string(json.size() > 1 ? ",\n " : "\n ") + "{\"name\": " + run::jsonString(buffer.name) +
            ", \"offset\": " + std::to_string(buffer.offset) + ", \"bytes\": " + std::to_string(buffer.bytes) +
            ", \"first\": " + std::to_string(buffer.first) + ", \"last\": " + std::to_string(buffer.last) + "}";
  return json + "]";
}

} // namespace

std::string pageOf(const Report &report) {
  std::string json = "{\"model\": " + run::jsonString(report.summary.name) +
                     ",\n\"summary\": " + summaryJson(report.summary) +
                     ",\n\"buffers\": " + buffersJson(report.summary) + ",\n\"bench\": " + report.bench +
                     ",\"trace\": " + report.trace + "}";
  // What stands before the picture is of XML files of their own.
  std::string picture = report.graph.substr(std::min(report.graph.find("<svg"), report.graph.size()));
  return head + picture + "</div>\n<script type=\"application/json\" id=\"nnfc-report\">\n" + inScript(json) +
         "</script>\n" + script;
}

} // namespace nnf::cli
