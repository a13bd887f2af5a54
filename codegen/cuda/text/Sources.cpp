#include "codegen/cuda/text/Sources.h"
#include "llvm/ADT/StringMap.h"

// The sources, one after the other, put here by the build.
extern "C" const char nnf_template_sources[], nnf_template_sources_end[];
asm(".pushsection .rodata\n"
    ".global nnf_template_sources\n"
    "nnf_template_sources:\n"
    ".incbin \"" NNF_TEMPLATE_SOURCES "\"\n"
    ".global nnf_template_sources_end\n"
    "nnf_template_sources_end:\n"
    ".popsection\n");

namespace nnf {
namespace {

constexpr llvm::StringLiteral fileMark = "//file ";

/// By the names that they include each other by.
const llvm::StringMap<llvm::StringRef> &allSources() {
  static const llvm::StringMap<llvm::StringRef> sources = [] {
    llvm::StringMap<llvm::StringRef> made;
    llvm::StringRef rest(nnf_template_sources, nnf_template_sources_end - nnf_template_sources);
    while (rest.consume_front(fileMark)) {
      auto [name, after] = rest.split('\n');
      size_t end = after.find(("\n" + fileMark).str());
      made[name] = end == llvm::StringRef::npos ? after : after.take_front(end + 1);
      rest = end == llvm::StringRef::npos ? "" : after.drop_front(end + 1);
    }
    return made;
  }();
  return sources;
}

struct Family {
  llvm::StringLiteral prefix, source;
};
/// The longest prefix that fits says it.
constexpr Family families[] = {
    {"nnf_product_", "Product.cu"},
    {"nnf_convolution_", "Product.cu"},
    {"nnf_spread_", "Product.cu"},
    {"nnf_tf32_", "Tf32Product.cu"},
    {"nnf_tf32_attention_", "Tf32Attention.cu"},
    {"nnf_float_", "FloatProduct.cu"},
    {"nnf_float_attention_", "FloatAttention.cu"},
    {"nnf_attention_", "Attention.cu"},
    {"nnf_hopper_", "HopperProduct.cu"},
    {"nnf_hopper_attention_", "HopperAttention.cu"},
};

} // namespace

llvm::Error SourceText::add(llvm::StringRef name) {
  if (!added.insert(name).second)
    return llvm::Error::success();
  auto source = allSources().find(name);
  if (source == allSources().end())
    return llvm::createStringError("internal: nnfc has no source '" + name + "' of templates");
  llvm::SmallVector<llvm::StringRef> lines;
  source->second.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    llvm::StringRef included = line;
    if (included.consume_front("#include \"")) {
      if (llvm::Error error = add(included.split('"').first))
        return error;
    } else if (line != "#pragma once") {
      text += line.str() + "\n";
    }
  }
  return llvm::Error::success();
}

std::string sourceOfTemplate(llvm::StringRef function) {
  const Family *best = nullptr;
  for (const Family &family : families)
    if (function.starts_with(family.prefix) && (!best || family.prefix.size() > best->prefix.size()))
      best = &family;
  return best ? ("codegen/cuda/templates/" + best->source).str() : "";
}

} // namespace nnf
