#include "dialects/nnf/WeightStore.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
namespace nnf {

std::string WeightStore::add(StringRef name, RankedTensorType type, std::vector<uint8_t> bytes, StringRef provenance) {
  auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  return addShared(name, type, llvm::ArrayRef<uint8_t>(owner->data(), owner->size()), owner, provenance);
}

std::string WeightStore::addShared(StringRef name, RankedTensorType type, ArrayRef<uint8_t> bytes,
                                   std::shared_ptr<const void> owner, StringRef provenance) {
  assert(static_cast<int64_t>(bytes.size()) == type.getNumElements() * elementBytes(type.getElementType()) &&
         "the bytes of a weight fit its type");
  std::lock_guard<std::mutex> lock(mutex);
  std::string unique = name.str();
  for (unsigned i = 1; weights.count(unique); ++i)
    unique = (name + "." + llvm::Twine(i)).str();
  weights[unique] = std::make_unique<Weight>(Weight{type, bytes, std::move(owner), provenance.str()});
  return unique;
}

const Weight *WeightStore::find(StringRef name) const {
  std::lock_guard<std::mutex> lock(mutex);
  auto it = weights.find(name.str());
  return it == weights.end() ? nullptr : it->second.get();
}

void WeightStore::remove(StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  weights.erase(name.str());
}

int64_t elementBytes(Type element) { return (element.getIntOrFloatBitWidth() + 7) / 8; }

} // namespace nnf
