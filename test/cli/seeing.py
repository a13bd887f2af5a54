"""Cases of run.py: seeing inside a model (inspect --graph, bench --kernels, compare, report). Amounts of work and results
are computed with numpy or by hand."""
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import numpy as np

from craft import Ref, constant, input_of, node, outputs, x

SVG = "{http://www.w3.org/2000/svg}"
# Names that mean something to Graphviz, to XML, to a page's script, or to a terminal.
HOSTILE = ['a"b', "back\\slash\\N", "<b>&amp;</svg>", "</script><script>alert(1)", "new\nline", "\x1b[31m", "]]>", "{|}", "ü…漢",
           "x" * 5000]


def convolution(work):
    """Two functions that become one kernel, and a product that is another."""
    draw = np.random.default_rng(3)
    work.save("w.npy", draw.standard_normal((16, 8, 3, 3)).astype(np.float32))
    work.save("m.npy", draw.standard_normal((24, 32)).astype(np.float32))
    work.write("net.nnf.txt", input_of("x", (2, 8, 32, 32)) + constant("w", (16, 8, 3, 3), file="w.npy") +
               constant("m", (24, 32), file="m.npy") +
               node("conv2d", "c", "stem", input=x, weight=Ref("w"), padding=1) + node("relu", "r", "act", input=Ref("c")) +
               node("linear", "y", "head", input=Ref("r"), weight=Ref("m")) + outputs("y"))
    return {"stem": 2 * (2 * 16 * 32 * 32) * 8 * 9, "head": 2 * (2 * 16 * 32 * 24) * 32}


def boxes(svg):
    """Of each panel (0: functions, 1: kernels) the texts of its boxes, by their numbers."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(SVG + "g"):
        place = re.fullmatch(r"p(\d)_(\d+)", group.get("id", ""))
        if place:
            found.setdefault(int(place[1]), {})[int(place[2])] = [text.text for text in group.iter(SVG + "text")]
    return found


def graph_shows_functions_and_kernels(work, expect):
    convolution(work)
    text = work.nnfc("inspect", "net.nnf.txt", "--graph", "net.svg")
    panels = boxes((work / "net.svg").read_text())
    functions = [lines[0] for lines in panels[0].values()]
    expect(functions == ["input", "conv2d", "relu", "linear", "output"], f"functions: {functions}")
    expect(panels[0][1][1] == "stem" and any("w: float32 [16, 8, 3, 3]" in line for line in panels[0][1]),
           f"the convolution's box says {panels[0][1]}")
    launches = int(re.search(r"(\d+) launches of", text)[1])
    expect(len(panels[1]) == launches + 2, f"{len(panels[1])} boxes, expected {launches} kernels and two ends")
    shares = [float(line[:-2]) for lines in panels[1].values() for line in lines if re.fullmatch(r"[\d.]+ %", line)]
    expect(len(shares) == launches and abs(sum(shares) - 100) < 1, f"the kernels' costs are {shares}, expected 100 % in all")
    work.nnfc("inspect", "net.nnf.txt", "--graph", "net.dot")
    dot = (work / "net.dot").read_text()
    for edge in ("p0_0 -> p0_1", "p0_1 -> p0_2", "p0_2 -> p0_3", "p0_3 -> p0_4"):
        expect(edge in dot, f"no arrow {edge}")
    colors = re.findall(r'p1_\d+ \[.*fillcolor="(#\w+)"', dot)
    expect(len(set(colors)) > 3, f"kernels of different cost have the colors {colors}")


def graph_takes_any_name(work, expect):
    before, text = "x", input_of("x", (4,))
    for i, name in enumerate(HOSTILE):
        text += node("relu", f"y{i}", name, input=Ref(before))
        before = f"y{i}"
    work.write("net.nnf.txt", text.replace("\x1b", "\\033") + outputs(before))
    work.nnfc("inspect", "net.nnf.txt", "--graph", "net.svg")
    svg = (work / "net.svg").read_text()
    panels = boxes(svg)
    for i, name in enumerate(HOSTILE):
        wanted = re.sub(r"[\x00-\x1f]", "\ufffd", name[:60])
        expect(panels[0][i + 1][1].replace("\xa0", " ") in (wanted, wanted + "…"), f"{name[:30]!r} is drawn as {panels[0][i + 1]}")
    expect("\x1b" not in svg, "a control character is in the picture")


def graph_without_graphviz(work, expect):
    convolution(work)
    command = [str(work.build / "bin" / "nnfc"), "inspect", "net.nnf.txt", "--graph"]
    done = subprocess.run([*command, "net.svg"], cwd=work.folder, env={**os.environ, "PATH": "/nowhere"}, capture_output=True,
                          text=True, timeout=60)
    expect(done.returncode == 1 and done.stderr.startswith("error: drawing the graph: Graphviz's program 'dot' was not found"),
           f"without Graphviz: {done.returncode}, {done.stderr[:200]}")
    expect(not (work / "net.svg").exists(), "there is a file though it could not be drawn")
    done = subprocess.run([*command, "net.dot"], cwd=work.folder, env={**os.environ, "PATH": "/nowhere"}, timeout=60,
                          capture_output=True)
    expect(done.returncode == 0, "a .dot file needs Graphviz")
    work.refused("expected a file that ends in .svg or .dot", "nnfc", "inspect", "net.nnf.txt", "--graph", "net.png", status=2)
    work.nnfc("compile", "net.nnf.txt", "-o", "net.so")
    work.refused("is compiled", "nnfc", "inspect", "net.so", "--graph", "net.svg", status=2)


def large_graphs_are_drawn(work, expect):
    text, before = input_of("x", (3, 5)), "x"
    for i in range(250):
        text += node("softmax", f"y{i}", f"n{i}", input=Ref(before), dim=i % 2)  # so that none joins the next
        before = f"y{i}"
    work.write("net.nnf.txt", text + outputs(before))
    work.nnfc("inspect", "net.nnf.txt", "--graph", "net.svg")
    panels = boxes((work / "net.svg").read_text())
    expect(len(panels[0]) == 252 and len(panels[1]) >= 252, f"{[len(p) for p in panels.values()]} boxes, expected 252 and more")


def check_trace(trace, expect):
    """The rules of the trace event format that Perfetto's importer keeps: members by their kinds, and slices of a thread
    that lie inside of each other or apart."""
    expect(set(trace) <= {"traceEvents", "displayTimeUnit"} and trace["displayTimeUnit"] in ("ns", "ms"), f"members {set(trace)}")
    open_slices = []
    for event in trace["traceEvents"]:
        expect(isinstance(event["pid"], int) and isinstance(event["tid"], int) and isinstance(event["name"], str), f"{event}")
        if event["ph"] == "M":
            expect(event["name"] in ("process_name", "thread_name") and isinstance(event["args"]["name"], str), f"{event}")
            continue
        expect(event["ph"] == "X" and isinstance(event["args"], dict), f"an event of kind {event['ph']}")
        begin, end = event["ts"], event["ts"] + event["dur"]
        expect(begin >= 0 and event["dur"] >= 0, f"{event}")
        while open_slices and open_slices[-1] <= begin + 1e-3:
            open_slices.pop()
        expect(not open_slices or end <= open_slices[-1] + 1e-3, f"{event['name']} ends after the slice around it")
        open_slices.append(end)


def bench_tells_work_and_rates(work, expect):
    """Operations by hand; rates and parts of the roofline follow from the times beside them."""
    flops = convolution(work)
    text = work.nnfc("bench", "net.nnf.txt", "--iterations", "3", "--json", "a.json", "--profile", "trace.json", "--threads", "1")
    report = json.loads((work / "a.json").read_text())
    roofline, kernels = report["roofline"], report["kernels"]
    expect(roofline["gflops_per_s"] > 1 and roofline["gbytes_per_s"] > 0.1, f"roofline {roofline}")
    for name, wanted in flops.items():
        found = sum(kernel.get("flops", 0) for kernel in kernels if kernel["node"] == name)
        # Relu and layouts come on top, an operation an element.
        expect(wanted <= found <= wanted * 1.1, f"node {name}: {found} operations, expected {wanted}")
    for kernel in kernels:
        if "flops" not in kernel or "bytes" not in kernel or not kernel["us"]:
            continue
        expect(np.isclose(kernel["gflops_per_s"], kernel["flops"] * kernel["calls"] / kernel["us"] / 1e3), f"GFLOP/s of {kernel}")
        expect(np.isclose(kernel["gbytes_per_s"], kernel["bytes"] * kernel["calls"] / kernel["us"] / 1e3), f"GB/s of {kernel}")
        least = max(kernel["flops"] / roofline["gflops_per_s"], kernel["bytes"] / roofline["gbytes_per_s"]) / 1e3
        expect(np.isclose(kernel["of_roofline"], least * kernel["calls"] / kernel["us"]), f"part of the roofline of {kernel}")
    expect(np.isclose(sum(kernel["of_all"] for kernel in kernels), 1), "the parts of all kernels are not 1 in all")
    expect("% of roofline" in text and "stem" in text, f"the table is not printed: {text[-300:]}")
    trace = json.loads((work / "trace.json").read_text())
    check_trace(trace, expect)
    runs = [event for event in trace["traceEvents"] if event.get("cat") == "run"]
    launches = [event for event in trace["traceEvents"] if event.get("cat") == "kernel"]
    expect(len(runs) == 5 and len(launches) == 5 * len(kernels), f"{len(runs)} runs with {len(launches)} launches")


def chain(work, name, fault=None):
    """Six layers; `fault` changes a weight of one layer."""
    draw, text, before, values = np.random.default_rng(5), input_of("x", (3, 16)), "x", {}
    value = work.load("x.npy").astype(np.float64)
    for i in range(6):
        weight = (draw.standard_normal((16, 16)) / 4).astype(np.float32)
        if fault == i:
            weight[5, 7] += 0.01
        work.save(f"{name}{i}.npy", weight)
        text += constant(f"w{i}", weight.shape, file=f"{name}{i}.npy")
        text += node("linear", f"h{i}", f"layer{i}", input=Ref(before), weight=Ref(f"w{i}"))
        text += node("tanh", f"t{i}", f"act{i}", input=Ref(f"h{i}"))
        values[f"h{i}"] = value @ weight.T.astype(np.float64)
        values[f"t{i}"] = value = np.tanh(values[f"h{i}"])
        before = f"t{i}"
    work.write(f"{name}.nnf.txt", text + outputs(before))
    return values


def compare_finds_the_first_fault(work, expect):
    work.save("x.npy", np.random.default_rng(1).standard_normal((3, 16)).astype(np.float32))
    values = chain(work, "right")
    chain(work, "wrong", fault=3)
    inputs = ("--input", "x=x.npy")
    text = work.nnfc("compare", "right.nnf.txt", "right.nnf.txt", "--per-layer", "-O0")
    expect("12 tensors compared, 0 depart" in text, f"a model beside itself: {text[-200:]}")
    work.refused("node 'layer3' (linear): tensor 'h3' is the first to depart from the reference, at [", "nnfc", "compare",
                 "wrong.nnf.txt", "right.nnf.txt", "--per-layer", *inputs)
    work.refused("tensor 't5' is the first to depart", "nnfc", "compare", "wrong.nnf.txt", "right.nnf.txt", *inputs)
    # The same, against what numpy says; of one tensor there is no file.
    (work / "reference").mkdir()
    for name, value in values.items():
        if name != "t2":
            work.save(f"reference/{name}.npy", value.astype(np.float32))
    text = work.nnfc("compare", "right.nnf.txt", "reference", "--per-layer", *inputs)
    expect("11 tensors compared, 0 depart, 1 of the first have none" in text, f"beside numpy: {text[-200:]}")
    work.refused("node 'layer3' (linear)", "nnfc", "compare", "wrong.nnf.txt", "reference", "--per-layer", *inputs)
    text = work.nnfc("compare", "wrong.nnf.txt", "reference", "--per-layer", *inputs, "--absolute", "0.5")
    expect("0 depart" in text, "a tolerance of 0.5 does not allow 0.01")
    values["t4"][1, 2] = np.nan
    work.save("reference/t4.npy", values["t4"].astype(np.float32))
    work.refused("tensor 't4' is the first to depart from the reference, at [1, 2]", "nnfc", "compare", "right.nnf.txt",
                 "reference", "--per-layer", *inputs)
    work.save("reference/t4.npy", np.zeros((3, 15), np.float32))
    work.refused("float32[3, 16], expected float32[3, 15]", "nnfc", "compare", "right.nnf.txt", "reference", "--per-layer", *inputs)
    (work / "empty").mkdir()
    work.refused("nothing to compare", "nnfc", "compare", "right.nnf.txt", "empty", *inputs)
    work.nnfc("compile", "right.nnf.txt", "-o", "right.so")
    expect("0 depart" in work.nnfc("compare", "right.nnf.txt", "right.so", *inputs), "a model beside its library")
    work.refused("is compiled", "nnfc", "compare", "right.so", "right.nnf.txt", "--per-layer", status=2)


def page_of(work):
    """The JSON that a report carries."""
    page = (work / "report.html").read_text()
    return page, json.loads(re.search(r'<script type="application/json" id="nnfc-report">(.*?)</script>', page, re.DOTALL)[1])


def report_is_one_page(work, expect):
    flops = convolution(work)
    work.nnfc("report", "net.nnf.txt", "-o", "report.html", "--seconds", "0.05")
    page, data = page_of(work)
    expect(not re.search(r'(?:src|href)\s*=\s*"(?!#)', page.replace("xlink:href", "href").split("<h2>Graph</h2>")[0]) and
           "http" not in re.sub(r"http://www\.w3\.org/\S+", "", page), "the page has links to other files")
    expect(data["model"] == "net" and data["summary"]["nodes"] == 3, f"summary {data['summary']}")
    expect(data["bench"]["latency_us"]["p50"] > 0 and len(data["bench"]["kernels"]) == data["summary"]["launches"],
           "times of other launches than the model has")
    stem = next(kernel for kernel in data["bench"]["kernels"] if kernel["node"] == "stem" and kernel["flops"] > 1e6)
    expect(flops["stem"] <= stem["flops"] <= 1.1 * flops["stem"], f"{stem['flops']} operations, expected {flops['stem']}")
    check_trace(data["trace"], expect)
    # No two buffers are in the same bytes at the same time, and together they are as large as the plan says.
    buffers = data["buffers"]
    expect(buffers and max(b["offset"] + b["bytes"] for b in buffers) <= data["summary"]["arena_bytes"], f"buffers {buffers}")
    for i, a in enumerate(buffers):
        for b in buffers[:i]:
            apart = a["offset"] + a["bytes"] <= b["offset"] or b["offset"] + b["bytes"] <= a["offset"]
            expect(apart or a["first"] > b["last"] or b["first"] > a["last"], f"buffers {a} and {b} are in the same bytes")
    expect(len(boxes(page[page.index("<svg"):page.index("</svg>") + 6])[1]) == data["summary"]["launches"] + 2, "kernels in the graph")
    look_at(work, data, expect)


def look_at(work, data, expect):
    """What a browser makes of the page, where there is one."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        return
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
                           f"--user-data-dir={work / 'browser'}", "--dump-dom", f"file://{work / 'report.html'}"],
                          capture_output=True, text=True, errors="replace", timeout=100)
    drawn = done.stdout
    expect(f'data-drawn="{len(data["bench"]["kernels"])}"' in drawn, f"the page's script did not end: {done.stderr[-300:]}")
    expect(drawn.count('class="launch"') == data["summary"]["launches"], "launches in the picture of a run")
    expect(drawn.count('class="buffer"') == len(data["buffers"]), "buffers in the picture of the plan")
    expect(f"p50 {data['bench']['latency_us']['p50']:.1f} µs" in drawn, "the page does not say the latency")


def report_takes_any_name(work, expect):
    text, before = input_of("x", (3, 5)), "x"
    for i, name in enumerate(HOSTILE):
        text += node("softmax", f"y{i}", name, input=Ref(before), dim=i % 2)  # so that none joins the next
        before = f"y{i}"
    work.write("net.nnf.txt", text.replace("\x1b", "\\033") + outputs(before))
    work.nnfc("report", "net.nnf.txt", "-o", "report.html", "--seconds", "0.01")
    page, data = page_of(work)
    expect(page.count("<script") == 2 and page.count("</script>") == 2, "a name has made a script of its own")
    names = {kernel["node"] for kernel in data["bench"]["kernels"]}
    missing = set(HOSTILE) - names
    expect(not missing, f"no kernel of {sorted(name[:30] for name in missing)}")


CASES = [graph_shows_functions_and_kernels, graph_takes_any_name, graph_without_graphviz, large_graphs_are_drawn,
         bench_tells_work_and_rates, compare_finds_the_first_fault, report_is_one_page, report_takes_any_name]
