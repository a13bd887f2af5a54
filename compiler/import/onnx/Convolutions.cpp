// Convolutions and transposed convolutions.
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"
#include "compiler/import/onnx/Window.h"

using namespace mlir;
namespace nnf::onnx {

namespace {
/// An attribute with one entry per spatial dimension.
Ints spatialList(Call &call, StringRef name, size_t spatial, int64_t fallback, int64_t lowest) {
  Ints values = call.integers(name, Ints(spatial, fallback));
  if (values.size() != spatial)
    call.error(name) << values.size() << " entries, expected " << spatial << " [NNFC-E0212]";
  for (int64_t value : values)
    if (value < lowest || value > (int64_t(1) << 31))
      call.error(name) << value << ", expected " << lowest << " or more [NNFC-E0213]";
  return call.hasFailed() ? Ints(spatial, std::max<int64_t>(lowest, 1)) : values;
}
} // namespace

std::string withDimensions(Call &call, StringRef function, size_t spatial) {
  if (spatial < 1 || spatial > 3)
    call.error() << spatial << " spatial dimensions, expected 1 to 3 [NNFC-E0213]";
  return (function + Twine(spatial) + "d").str();
}

TensorId padSpatial(Call &call, TensorId x, ArrayRef<int64_t> low, ArrayRef<int64_t> high, double value) {
  auto zero = [](int64_t n) { return n == 0; };
  if (llvm::all_of(low, zero) && llvm::all_of(high, zero))
    return x;
  // torch counts from the last dimension.
  std::vector<int64_t> pairs;
  for (size_t i = low.size(); i-- > 0;)
    pairs.insert(pairs.end(), {low[i], high[i]});
  return call.call("pad", {{"input", x}, {"pad", pairs}, {"value", value}});
}

TensorId padSpatial(Call &call, TensorId x, const Window &window, double value) {
  x = padSpatial(call, x, window.low, window.high, value);
  for (auto [i, length] : llvm::enumerate(window.length))
    if (length)
      x = call.slice(x, 2 + static_cast<int64_t>(i), window.start[i], length);
  return x;
}

Window windowOf(Call &call, ArrayRef<int64_t> kernel, size_t input) {
  size_t spatial = kernel.size();
  Window w;
  w.kernel.assign(kernel.begin(), kernel.end());
  for (int64_t size : kernel)
    if (size < 1 || size > (int64_t(1) << 31))
      call.error("kernel_shape") << size << ", expected 1 or more [NNFC-E0213]";
  w.stride = spatialList(call, "strides", spatial, 1, 1);
  w.dilation = spatialList(call, "dilations", spatial, 1, 1);
  w.low.assign(spatial, 0);
  w.high.assign(spatial, 0);
  w.start.assign(spatial, Dim());
  w.length.assign(spatial, Dim());
  std::string automatic = call.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    Shape shape = call.inputShape(input);
    for (size_t i = 0; i < spatial && !call.hasFailed(); ++i) {
      Dim size = shape[shape.size() - spatial + i];
      int64_t span = w.span(i), stride = w.stride[i];
      // ceil(size / stride) windows.
      Dim total = (size.ceilDiv(stride) - 1) * stride + span - size;
      total = stride == 1 ? call.size(span - 1) : span < stride ? maxOf(total, call.size(0)) : simplify(total);
      // Of an odd total, the larger half.
      Ints &smaller = automatic == "SAME_UPPER" ? w.low : w.high, &larger = automatic == "SAME_UPPER" ? w.high : w.low;
      int64_t most = constantOf(total).value_or(span - 1);
      smaller[i] = most / 2;
      larger[i] = most - most / 2;
      if (constantOf(total))
        continue;
      Dim half = total.floorDiv(2), low = automatic == "SAME_UPPER" ? half : total - half;
      w.start[i] = simplify(call.size(w.low[i]) - low);
      w.length[i] = simplify(size + total);
    }
  } else if (automatic == "NOTSET" || automatic.empty()) {
    Ints pads = call.integers("pads", Ints(2 * spatial, 0));
    if (pads.size() != 2 * spatial)
      call.error("pads") << pads.size() << " entries, expected " << 2 * spatial << " [NNFC-E0212]";
    for (size_t i = 0; i < spatial && !call.hasFailed(); ++i) {
      w.low[i] = pads[i];
      w.high[i] = pads[spatial + i];
      for (int64_t pad : {w.low[i], w.high[i]})
        if (pad < 0 || pad > (int64_t(1) << 31))
          call.error("pads") << pad << ", expected 0 or more [NNFC-E0213]";
    }
  } else if (automatic != "VALID") {
    call.error("auto_pad") << "'" << automatic
                           << "', expected 'NOTSET', 'SAME_UPPER', 'SAME_LOWER' or 'VALID' [NNFC-E0214]";
  }
  return w;
}

Ints kernelOf(Call &call, size_t weightInput) {
  Shape input = call.inputShape(0), weight = call.inputShape(weightInput);
  Ints kernel;
  if (call.hasFailed())
    return kernel;
  if (input.size() < 3 || weight.size() != input.size()) {
    call.error() << "input of rank " << static_cast<int64_t>(input.size()) << " and weight of rank "
                 << static_cast<int64_t>(weight.size()) << ", expected the same rank, 3 to 5 [NNFC-E0207]";
    return kernel;
  }
  for (Dim dim : ArrayRef(weight).drop_front(2)) {
    std::optional<int64_t> size = constantOf(dim);
    if (!size)
      call.error("W") << "shape " << toString(weight) << ", expected a kernel of fixed size [NNFC-E0219]";
    kernel.push_back(size.value_or(1));
  }
  Ints given = call.integers("kernel_shape", kernel);
  if (!call.hasFailed() && given != kernel)
    call.error("kernel_shape") << "differs from the weight, which is " << toString(weight) << " [NNFC-E0208]";
  return kernel;
}

namespace {

void conv(Call &call) {
  Window w = windowOf(call, kernelOf(call, 1));
  std::string function = withDimensions(call, "conv", w.kernel.size());
  TensorId x = call.input(0), weight = call.input(1), bias = call.inputOrNone(2);
  Ints padding = w.low;
  if (!w.isSymmetric()) {
    x = padSpatial(call, x, w, 0);
    padding.assign(padding.size(), 0);
  }
  call.result(call.call(function, {{"input", x},
                                   {"weight", weight},
                                   {"bias", bias},
                                   {"stride", list(w.stride)},
                                   {"padding", list(padding)},
                                   {"dilation", list(w.dilation)},
                                   {"groups", call.integer("group", 1)}}));
}

void convTranspose(Call &call) {
  Ints kernel = kernelOf(call, 1);
  size_t spatial = kernel.size();
  // `auto_pad` SAME and `output_shape` say what comes out; padding follows from it.
  std::string automatic = call.text("auto_pad", "NOTSET");
  bool isSame = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  Window w;
  w.kernel = kernel;
  w.stride = spatialList(call, "strides", spatial, 1, 1);
  w.dilation = spatialList(call, "dilations", spatial, 1, 1);
  Ints extra = spatialList(call, "output_padding", spatial, 0, 0), output = call.integers("output_shape");
  // Some exporters write the whole shape.
  if (output.size() == spatial + 2)
    output.erase(output.begin(), output.begin() + 2);
  if (!output.empty() && output.size() != spatial)
    call.error("output_shape") << output.size() << " entries, expected " << static_cast<int64_t>(spatial)
                               << " [NNFC-E0212]";
  w.low.assign(spatial, 0);
  w.high.assign(spatial, 0);
  Shape input = call.inputShape(0);
  if (call.hasFailed())
    return;
  if (isSame || !output.empty()) {
    for (size_t i = 0; i < spatial; ++i) {
      // (size - 1) * stride + extra + span - wanted; with SAME, wanted is size * stride and the size falls out.
      int64_t total;
      if (!output.empty()) {
        std::optional<int64_t> size = constantOf(input[2 + i]);
        if (!size)
          return void(call.error("output_shape") << "given for the symbolic size " << toString(input[2 + i])
                                                 << ", expected a fixed size [NNFC-E0219]");
        total = (*size - 1) * w.stride[i] + extra[i] + w.span(i) - output[i];
      } else {
        total = extra[i] + w.span(i) - w.stride[i];
      }
      // Less than nothing to crop: the high end grows.
      if (total < 0) {
        extra[i] -= total;
        total = 0;
      }
      // Of an odd total, the larger half: with SAME_UPPER high, SAME_LOWER low; with output_shape the other way round.
      bool isHighLarger = (automatic == "SAME_UPPER") == output.empty();
      w.low[i] = isHighLarger ? total / 2 : total - total / 2;
      w.high[i] = total - w.low[i];
    }
  } else {
    w = windowOf(call, kernel);
  }
  std::string function = withDimensions(call, "conv_transpose", spatial);
  TensorId x = call.input(0), weight = call.input(1), bias = call.inputOrNone(2);
  // torch crops both ends alike; what differs is sliced off.
  Ints padding, cropLow, cropHigh;
  bool isCropped = false;
  for (size_t i = 0; i < spatial; ++i) {
    padding.push_back(std::min(w.low[i], w.high[i]));
    cropLow.push_back(w.low[i] - padding[i]);
    // Where the low end alone is cropped more, the high end may be grown instead of cropped.
    cropHigh.push_back(w.high[i] - padding[i]);
    int64_t traded = std::min(extra[i], cropHigh[i]);
    extra[i] -= traded;
    cropHigh[i] -= traded;
    isCropped |= cropLow[i] || cropHigh[i];
  }
  TensorId y = call.call(function, {{"input", x},
                                    {"weight", weight},
                                    {"bias", bias},
                                    {"stride", list(w.stride)},
                                    {"padding", list(padding)},
                                    {"output_padding", list(extra)},
                                    {"groups", call.integer("group", 1)},
                                    {"dilation", list(w.dilation)}});
  if (isCropped && !call.hasFailed()) {
    Shape shape = call.shape(y);
    for (size_t i = 0; i < spatial; ++i)
      y = call.slice(y, 2 + i, call.size(cropLow[i]), shape[2 + i] - (cropLow[i] + cropHigh[i]));
  }
  call.result(y);
}

/// Sums overlapping blocks into an image: each element of a column is added where its block has it.
TensorId col2ImAtRunTime(Call &call, TensorId input, ArrayRef<Dim> image, ArrayRef<Dim> block, const Window &w) {
  RunTime r(call);
  Shape shape = call.shape(input), blocks;
  int64_t spatial = image.size();
  for (int64_t i = 0; i < spatial; ++i) {
    Dim span = image[i] + (w.low[i] + w.high[i]) - (block[i] - 1) * w.dilation[i] - 1;
    blocks.push_back(simplify(span.floorDiv(w.stride[i]) + 1));
  }
  Dim blockSize = productOf(call.context(), block), count = productOf(call.context(), blocks);
  Dim channels =
      call.requireQuotient("input", shape[1], blockSize,
                           "{value} rows, expected a multiple of the block's " + toString(blockSize) + " [NNFC-E0216]");
  call.requireEqual("input", shape[2], count,
                    "{value} columns, expected " + toString(count) + ", one for each block [NNFC-E0208]");
  if (call.hasFailed())
    return {};
  // N, C, the block's sizes, the numbers of blocks
  Shape split{shape[0], channels}, out(split);
  split.append(block.begin(), block.end());
  split.append(blocks);
  out.append(image.begin(), image.end());
  Value x = r.reshape(call.graph().value(input), split);
  SmallVector<Value> places{r.iota(split, 0, r.i64()), r.iota(split, 1, r.i64())};
  for (int64_t i = 0; i < spatial; ++i) {
    Value inBlock = r.mul(r.iota(split, 2 + i, r.i64()), static_cast<double>(w.dilation[i]));
    Value first = r.mul(r.iota(split, 2 + spatial + i, r.i64()), static_cast<double>(w.stride[i]));
    places.push_back(r.sub(r.add(first, inBlock), static_cast<double>(w.low[i])));
  }
  Type element = Primitives::elementOf(x);
  bool isNarrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  Type wide = isNarrow ? Type(Float32Type::get(call.context())) : element;
  Value sums = r.scatter(ScatterKind::Add, r.full(out, 0, wide), places, r.convert(x, wide),
                         llvm::to_vector(llvm::seq<int64_t>(0, out.size())), BoundsKind::Fill);
  return call.graph().adopt(r.convert(sums, element));
}

void col2Im(Call &call) {
  TensorId x = call.input(0);
  std::optional<SmallVector<Scalar>> imageSizes = call.numbers("image_shape"), blockSizes = call.numbers("block_shape");
  if (call.hasFailed())
    return;
  if (!imageSizes || !blockSizes || imageSizes->empty() || imageSizes->size() != blockSizes->size() ||
      call.rank(x) != 3)
    return void(
        call.error() << "an input " << toString(call.shape(x))
                     << ", expected rank 3, and as many sizes in 'image_shape' as in 'block_shape' [NNFC-E0207]");
  size_t spatial = imageSizes->size();
  RunTime r(call);
  Shape image;
  for (auto [i, size] : llvm::enumerate(*imageSizes))
    image.push_back(r.outputSize(size, "image_shape", 2 + static_cast<int64_t>(i), 2 + static_cast<int64_t>(spatial)));
  Shape block = call.sizes("block_shape").value_or(Shape());
  Window w;
  w.stride = spatialList(call, "strides", spatial, 1, 1);
  w.dilation = spatialList(call, "dilations", spatial, 1, 1);
  Ints pads = call.integers("pads", Ints(2 * spatial, 0));
  if (pads.size() != 2 * spatial)
    return void(call.error("pads") << static_cast<int64_t>(pads.size()) << " entries, expected "
                                   << static_cast<int64_t>(2 * spatial) << " [NNFC-E0212]");
  w.low.assign(pads.begin(), pads.begin() + spatial);
  w.high.assign(pads.begin() + spatial, pads.end());
  if (call.hasFailed())
    return;
  // torch's function has two dimensions.
  std::optional<SmallVector<int64_t>> imageNumbers = constantsOf(image), blockNumbers = constantsOf(block);
  if (spatial != 2 || !w.isSymmetric() || !imageNumbers || !blockNumbers)
    return call.result(col2ImAtRunTime(call, x, image, block, w));
  call.result(call.call("fold", {{"input", x},
                                 {"output_size", list(*imageNumbers)},
                                 {"kernel_size", list(*blockNumbers)},
                                 {"dilation", list(w.dilation)},
                                 {"padding", list(w.low)},
                                 {"stride", list(w.stride)}}));
}

/// What a deformable convolution sees: the input between its elements, zero outside, at the taps of each window moved
/// by `offset` [N, groups, taps, spatial dimensions, output…]. The result is [N, channels, taps, output…].
Value sampledAtOffsets(RunTime &r, Value x, Value offset, const Window &w, Dim groupChannels) {
  Shape in = Primitives::shapeOf(x), moved = Primitives::shapeOf(offset);
  int64_t spatial = w.kernel.size();
  moved.erase(moved.begin() + 3);
  Shape whole = moved;
  whole[1] = in[1];
  // One offset group is for several channels.
  auto perChannel = [&](Value value) {
    Shape wide = moved;
    wide.insert(wide.begin() + 2, groupChannels);
    Ints kept{0, 1};
    kept.append(llvm::to_vector(llvm::seq<int64_t>(3, wide.size())));
    return r.reshape(r.broadcast(value, wide, kept), whole);
  };
  SmallVector<Value> low, share;
  int64_t tapsBehind = llvm::product_of(w.kernel);
  for (int64_t i = 0; i < spatial; ++i) {
    tapsBehind /= w.kernel[i];
    Value tap =
        r.rem(r.div(r.iota(moved, 2, r.i64()), static_cast<double>(tapsBehind)), static_cast<double>(w.kernel[i]));
    Value place = r.add(r.mul(r.iota(moved, 3 + i, r.i64()), static_cast<double>(w.stride[i])),
                        r.mul(tap, static_cast<double>(w.dilation[i])));
    Type element = Primitives::elementOf(offset);
    Value at = r.add(r.convert(r.sub(place, static_cast<double>(w.low[i])), element),
                     r.squeeze(r.sliceDim(offset, 3, dimOf(r.context(), i), dimOf(r.context(), 1)), 3));
    // Nothing is seen further out, and these are integers still.
    at = r.max(r.min(at, r.size(in[2 + i], element)), -1);
    low.push_back(perChannel(r.floor(at)));
    share.push_back(r.sub(perChannel(at), low.back()));
  }
  Value sum;
  for (int64_t corner = 0; corner < int64_t(1) << spatial; ++corner) {
    SmallVector<Value> index{r.iota(whole, 0, r.i64()), r.iota(whole, 1, r.i64())};
    Value weight;
    for (int64_t i = 0; i < spatial; ++i) {
      bool isHigh = corner >> i & 1;
      index.push_back(r.convert(isHigh ? r.add(low[i], 1) : low[i], r.i64()));
      Value part = isHigh ? share[i] : r.sub(1, share[i]);
      weight = weight ? r.mul(weight, part) : part;
    }
    Value seen = r.gather(x, index, llvm::to_vector(llvm::seq<int64_t>(0, in.size())), BoundsKind::Fill, "",
                          r.scalar(0, Primitives::elementOf(x)));
    seen = r.mul(seen, weight);
    sum = sum ? r.add(sum, seen) : seen;
  }
  return sum;
}

void deformConv(Call &call) {
  Window w = windowOf(call, kernelOf(call, 1));
  TensorId x = call.input(0), weight = call.input(1), offset = call.input(2), bias = call.inputOrNone(3),
           mask = call.inputOrNone(4);
  int64_t groups = call.integer("group", 1), offsetGroups = call.integer("offset_group", 1);
  if (call.hasFailed())
    return;
  if (groups < 1 || offsetGroups < 1)
    return void(call.error(groups < 1 ? "group" : "offset_group") << "expected 1 or more [NNFC-E0213]");
  Shape in = call.shape(x), kernel = call.shape(weight), out;
  Dim taps = call.size(llvm::product_of(w.kernel));
  int64_t spatial = w.kernel.size();
  for (int64_t i = 0; i < spatial; ++i) {
    Dim spare = simplify(in[2 + i] + (w.low[i] + w.high[i] - w.span(i)));
    call.require("X", in[2 + i], spare,
                 "size {value} in dimension " + Twine(2 + i) + ", smaller than the kernel [NNFC-E0217]");
    out.push_back(simplify(spare.floorDiv(w.stride[i]) + 1));
  }
  call.requireEqual("X", in[1], simplify(kernel[1] * groups),
                    "{value} channels, expected " + toString(simplify(kernel[1] * groups)) +
                        " of the weight [NNFC-E0208]");
  Dim groupOutputs = call.requireQuotient("W", kernel[0], call.size(groups),
                                          "{value} outputs, expected a multiple of "
                                          "'group' [NNFC-E0216]");
  Dim groupChannels = call.requireQuotient("X", in[1], call.size(offsetGroups),
                                           "{value} channels, expected a multiple "
                                           "of 'offset_group' [NNFC-E0216]");
  // [N, offset groups * taps * `each`, output…], with the middle in its parts
  auto apart = [&](TensorId tensor, StringRef name, int64_t each) -> TensorId {
    Shape expected{in[0], simplify(taps * (offsetGroups * each))}, split{in[0], call.size(offsetGroups), taps};
    if (each != 1)
      split.push_back(call.size(each));
    for (Shape *shape : {&expected, &split})
      shape->append(out);
    Shape given = call.shape(tensor);
    if (!call.hasFailed() && given.size() != expected.size())
      call.error(name) << "shape " << toString(given) << ", expected " << toString(expected) << " [NNFC-E0208]";
    for (size_t d = 0; d < given.size() && !call.hasFailed(); ++d)
      call.requireEqual(name, given[d], expected[d],
                        "size {value} in dimension " + Twine(d) + ", expected " + toString(expected[d]) +
                            " [NNFC-E0208]");
    return call.reshape(tensor, split);
  };
  Type element = call.element(x), computed = Call::computed(element);
  offset = call.cast(apart(offset, "offset", spatial), computed);
  if (mask)
    mask = call.cast(apart(mask, "mask", 1), computed);
  if (call.hasFailed())
    return;
  RunTime r(call);
  Value seen =
      sampledAtOffsets(r, r.convert(call.graph().value(x), computed), call.graph().value(offset), w, groupChannels);
  TensorId columns = call.graph().adopt(seen);
  if (mask) {
    Shape grouped{in[0], call.size(offsetGroups), groupChannels, taps};
    grouped.append(out);
    Shape spread = grouped;
    spread[2] = call.size(1);
    columns = call.mul(call.reshape(columns, grouped), call.reshape(mask, spread));
  }
  Dim rows = simplify(kernel[1] * taps);
  columns = call.reshape(columns, {in[0], call.size(groups), rows, productOf(call.context(), out)});
  weight = call.reshape(call.cast(weight, computed), {call.size(groups), groupOutputs, rows});
  Shape result{in[0], kernel[0]}, alongChannels(spatial + 1, call.size(1));
  result.append(out);
  TensorId y = call.reshape(call.binary("matmul", weight, columns), result);
  if (bias) {
    alongChannels[0] = kernel[0];
    y = call.add(y, call.reshape(call.cast(bias, computed), alongChannels));
  }
  call.result(call.cast(y, element));
}

} // namespace

void addConvolutions(OpTable &table) {
  table.add("Col2Im", 18, col2Im, "fold");
  table.add("Conv", 1, conv);
  table.add("ConvTranspose", 1, convTranspose);
  table.add("DeformConv", 19, deformConv);
}

} // namespace nnf::onnx
