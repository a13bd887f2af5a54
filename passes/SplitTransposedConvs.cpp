// Transposed convolutions as plain ones, one per output phase.
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITTRANSPOSEDCONVS
#include "passes/Passes.h.inc"
namespace {

/// One dimension of one phase r: outputs r, r + d, r + 2d, …  With output o = r + d*t and tap k = first + d*j, the
/// input position is (o - low + k) / d = t + j + (r - low + first) / d.
struct Phase {
  int64_t first, taps; // taps first, first + d, …
  int64_t low;         // padding in front: -(r - low + first) / d
  Dim length;          // outputs of this phase

  Phase(int64_t r, int64_t d, int64_t low, int64_t kernel, Dim outputs)
      : first(llvm::mod(low - r, d)), taps(kernel > first ? llvm::divideCeilSigned(kernel - first, d) : 0),
        low(-(r - low + first) / d), length(simplify((outputs - r + (d - 1)).floorDiv(d))) {}
};

/// Each phase is a convolution of its own: more than any network has would be a graph without end.
constexpr int64_t mostPhases = 64;

class Splitter {
public:
  Splitter(PrimConvOp op) : op(op), builder(op), p(builder, op.getLoc()) {}

  bool applies() {
    if (op.getLayout() != 0 || !constantsOf(op.kernelSizes()))
      return false;
    bool dilated = false;
    for (unsigned s = 0; s < op.spatialRank(); ++s) {
      if (op.getInputDilation()[s] > mostPhases)
        return false;
      if (op.getInputDilation()[s] == 1)
        continue;
      if (op.getStride()[s] != 1 || op.getKernelDilation()[s] != 1)
        return false;
      dilated = true;
    }
    return dilated;
  }

  /// Concatenates the phases of dimension s, interleaved, and then those of the next.
  Value build() { return interleave(0); }

private:
  /// The result with phases fixed for the dimensions before `s`.
  Value interleave(unsigned s) {
    if (s == op.spatialRank())
      return convolve();
    int64_t d = op.getInputDilation()[s];
    Shape outputs = shapeOf(op.getOutput());
    if (d == 1) {
      phases.push_back(std::nullopt);
      Value all = interleave(s + 1);
      phases.pop_back();
      return all;
    }
    unsigned dim = s + 2;
    SmallVector<Value> parts;
    Dim longest = simplify((outputs[dim] + (d - 1)).floorDiv(d));
    for (int64_t r = 0; r < d; ++r) {
      phases.push_back(Phase(r, d, op.getLow()[s], *constantOf(op.kernelSizes()[s]), outputs[dim]));
      // All phases get the length of phase 0; what a shorter one has too much is cut off after interleaving.
      phases.back()->length = longest;
      parts.push_back(p.unsqueeze(interleave(s + 1), dim + 1));
      phases.pop_back();
    }
    Value joined = p.concat(parts, dim + 1);
    Shape flat = shapeOf(parts.front());
    flat.erase(flat.begin() + dim + 1);
    flat[dim] = simplify(longest * d);
    joined = p.reshape(joined, flat);
    if (sameDim(flat[dim], outputs[dim]))
      return joined;
    return p.sliceDim(joined, dim, dimOf(op.getContext(), 0), outputs[dim]);
  }

  Value convolve() {
    MLIRContext *context = op.getContext();
    Value weight = op.getWeight();
    Shape in = shapeOf(op.getInput()), out = shapeOf(op.getOutput());
    SmallVector<int64_t> ones(op.spatialRank(), 1), stride(op.getStride()), low(op.getLow()), high(op.getHigh());
    Shape shape(out);
    bool anyTaps = true;
    for (unsigned s = 0; s < op.spatialRank(); ++s) {
      if (!phases[s])
        continue;
      const Phase &phase = *phases[s];
      shape[s + 2] = phase.length;
      if (phase.taps == 0) {
        anyTaps = false;
        continue;
      }
      weight =
          p.sliceDim(weight, s + 2, dimOf(context, phase.first), dimOf(context, phase.taps), op.getInputDilation()[s]);
      low[s] = phase.low;
      // length = in + low + high - taps + 1
      std::optional<int64_t> needed = constantOf(simplify(phase.length - in[s + 2] - (phase.low - phase.taps + 1)));
      assert(needed && "output and input sizes of a transposed convolution differ by a constant after division");
      high[s] = *needed;
    }
    if (!anyTaps) // a phase that no tap reaches
      return p.full(shape, 0, Primitives::elementOf(op.getOutput()));
    return p.conv(op.getInput(), weight, stride, low, high, ones, op.getKernelDilation(), op.getGroups());
  }

  PrimConvOp op;
  OpBuilder builder;
  Primitives p;
  SmallVector<std::optional<Phase>> phases;
};

struct SplitTransposedConvs : impl::SplitTransposedConvsBase<SplitTransposedConvs> {
  void runOnOperation() override {
    SmallVector<PrimConvOp> convs;
    getOperation().walk([&](PrimConvOp op) { convs.push_back(op); });
    for (PrimConvOp op : convs) {
      Splitter splitter(op);
      if (!splitter.applies())
        continue;
      op.getOutput().replaceAllUsesWith(splitter.build());
      op.erase();
    }
  }
};

} // namespace
} // namespace nnf
