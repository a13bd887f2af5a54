"""Cases of run.py: nnfc reduce. Each plants a fault in the middle of a chain of nodes, and expects what is left to be
the node that has it, failing as the chain does."""
import re

from craft import Ref, input_of, node, outputs


def chain(before, after, fault, shape=(4, 6)):
    """`before` nodes, the text of the fault, which makes "f" of "e", and `after` nodes."""
    text, value = input_of("x", shape), "x"
    for i in range(before):
        made = "e" if i == before - 1 else f"a{i}"
        text += node("tanh", made, f"before{i}", input=Ref(value))
        value = made
    text, value = text + fault, "f"
    for i in range(after):
        text += node("sigmoid", f"b{i}", f"after{i}", input=Ref(value))
        value = f"b{i}"
    return text + outputs(value)


def left(said):
    """(nodes left, nodes before) of what reduce says."""
    return tuple(map(int, re.match(r"(\d+) of (\d+) nodes left", said).groups()))


def an_error_is_cut_out(work, expect):
    source = 'extern "C" __global__ void twice(const float *x, float *y) { y[threadIdx.x] = 2 * x[threadIdx.x]; }'
    kernel = node("custom_cuda", "c", "own", inputs=[Ref("e")], source=source, kernel="twice", types="like(0)", grid="1",
                  block="24") + node("add", "f", "plus", input=Ref("e"), other=Ref("c"))
    work.write("net.nnf.txt", chain(12, 9, kernel))
    says = "node 'own' (custom_cuda): a kernel in CUDA C++ runs on a GPU: expected --target=cuda (--device cuda:K), or " \
        "cuda-emu [NNFC-E0401]"
    work.refused(says, "nnfc", "compile", "net.nnf.txt", "-o", "net.so")
    said = work.nnfc("reduce", "net.nnf.txt", "-o", "small.mlir")
    kept, all_of_them = left(said)
    expect(kept == 1 and all_of_them >= 23, f"reduce says '{said}', expected 1 node left")
    work.refused(says, "nnfc", "compile", "small.mlir", "-o", "small.so")
    work.refused(says, "nnfc", "compile", "small.mlir", "-o", "small.so")
    # As a graph file, too.
    work.nnfc("reduce", "net.nnf.txt", "-o", "small.nnf.txt")
    expect((work / "small.nnf.txt").read_text().count("nodes {") == 1, "the graph file has more than one node")
    work.refused("[NNFC-E0401]", "nnfc", "compile", "small.nnf.txt", "-o", "small.so")


def a_wrong_result_is_cut_out_by_a_command(work, expect):
    work.write("net.nnf.txt", chain(7, 5, node("log", "f", "of-negatives", input=Ref("e"))))
    nnfc = work.build / "bin" / "nnfc"
    command = f"{nnfc} run \"$0\" --random-inputs | grep -q nan"
    said = work.nnfc("reduce", "net.nnf.txt", "-o", "small.mlir", "--test", command)
    expect(left(said) == (1, 13), f"reduce says '{said}', expected 1 of 13 nodes left")
    expect("nan" in work.nnfc("run", "small.mlir", "--random-inputs"), "what is left gives no NaN")
    expect("of-negatives" in (work / "small.mlir").read_text(), "the node's name is lost")


def a_model_that_is_right_is_no_case(work, expect):
    work.write("net.nnf.txt", chain(3, 0, node("neg", "f", input=Ref("e"))))
    work.refused("'net.nnf.txt' does not fail, expected a fault to keep", "nnfc", "reduce", "net.nnf.txt", "-o", "a.mlir")
    work.refused("[NNFC-E0905]", "nnfc", "reduce", "net.nnf.txt", "-o", "a.mlir", "--run")
    work.refused("agrees with the reference", "nnfc", "reduce", "net.nnf.txt", "-o", "a.mlir", "--reference=-O0")
    work.refused("expected the command to end with 0 for it: false [NNFC-E0905]", "nnfc", "reduce", "net.nnf.txt", "-o", "a.mlir",
                 "--test", "false")
    work.refused("a name that ends in .mlir", "nnfc", "reduce", "net.nnf.txt", "-o", "a.so", "--test", "true", status=2)
    expect(not (work / "a.mlir").exists(), "a file is left")


LOOP = """\
func.func @main(%x: tensor<4x8xf32> {nnf.name = "x"}) -> (tensor<8xf32> {nnf.name = "y"}) {
  %s = nnf.sum %x {dim = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  %r = nnf.loop @body0 from(%s) captures(%x) trips <[3]> : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<8xf32>
  %y = nnf.sigmoid %r : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
func.func private @body0(%i: tensor<i64>, %v: tensor<8xf32>, %x: tensor<4x8xf32>) -> tensor<8xf32> {
  %a = nnf.tanh %v : (tensor<8xf32>) -> tensor<8xf32>
  %n = nnf.NODE : (tensor<8xf32>) -> tensor<8xf32> loc("in-the-loop"("log"))
  %b = nnf.sum %x {dim = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  %w = nnf.add %n, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %w : tensor<8xf32>
}
"""


def a_node_in_a_loop_is_cut_out(work, expect):
    work.write("net.mlir", LOOP.replace("NODE", "log %a"))
    nnfc = work.build / "bin" / "nnfc"
    said = work.nnfc("reduce", "net.mlir", "-o", "small.mlir", "--test", f"{nnfc} run \"$0\" --random-inputs | grep -q nan")
    expect(left(said) == (1, 7), f"reduce says '{said}', expected 1 of 7 nodes left")
    text = (work / "small.mlir").read_text()
    expect("in-the-loop" in text and "nnf.loop" not in text, f"what is left is {text}")
    expect("nan" in work.nnfc("run", "small.mlir", "--random-inputs"), "what is left gives no NaN")


def a_loop_that_fails_as_a_loop_stays(work, expect):
    work.write("net.mlir", LOOP.replace("NODE", "log %a"))
    said = work.nnfc("reduce", "net.mlir", "-o", "small.mlir", "--test", "grep -q nnf.loop \"$0\"")
    expect(left(said) == (5, 7), f"reduce says '{said}', expected the loop and what it runs, 5 of 7 nodes")
    work.nnfc("compile", "small.mlir", "-o", "small.so")


CASES = [a_node_in_a_loop_is_cut_out, a_loop_that_fails_as_a_loop_stays, an_error_is_cut_out, a_wrong_result_is_cut_out_by_a_command, a_model_that_is_right_is_no_case]
