#include "codegen/cuda/DeviceTable.h"
#include "codegen/driver/DriverPlan.h"
#include "runtime/abi.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"
#include <cstddef>

namespace nnf {
namespace {

/// Constants of C structs in LLVM IR: 4- and 8-byte fields and addresses, which must come to the struct's own layout.
class Table {
public:
  explicit Table(llvm::Module &host)
      : host(host), context(host.getContext()), pointer(llvm::PointerType::getUnqual(context)) {}

  llvm::Constant *i32(uint64_t value) { return llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), value); }
  llvm::Constant *i64(uint64_t value) { return llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), value); }
  llvm::Constant *null() { return llvm::ConstantPointerNull::get(pointer); }

  llvm::Constant *record(llvm::ArrayRef<llvm::Constant *> fields, [[maybe_unused]] size_t bytes) {
    llvm::Constant *made = llvm::ConstantStruct::getAnon(context, fields);
    assert(host.getDataLayout().getTypeAllocSize(made->getType()) == bytes && "a field of the C struct is missing");
    return made;
  }
  llvm::Constant *array(llvm::ArrayRef<llvm::Constant *> rows, llvm::StringRef name) {
    if (rows.empty())
      return null();
    auto *type = llvm::ArrayType::get(rows.front()->getType(), rows.size());
    return global(llvm::ConstantArray::get(type, rows), name, 8);
  }
  /// NUL-terminated.
  llvm::Constant *text(llvm::StringRef bytes, llvm::StringRef name, unsigned alignment = 1) {
    return global(llvm::ConstantDataArray::getString(context, bytes), name, alignment);
  }
  llvm::GlobalVariable *global(llvm::Constant *value, llvm::StringRef name, unsigned alignment) {
    auto *made = new llvm::GlobalVariable(host, value->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::InternalLinkage, value, name);
    made->setAlignment(llvm::Align(alignment));
    return made;
  }

private:
  llvm::Module &host;
  llvm::LLVMContext &context;
  llvm::PointerType *pointer;
};

llvm::Constant *kernelRows(Table &table, const DeviceCode &code, const DeviceImage &image) {
  std::vector<llvm::Constant *> rows(code.numKernels, nullptr);
  // The two halves of a word, where the kernel has a grid of its own.
  auto blockOf = [](const DeviceKernel &kernel) -> uint64_t {
    return kernel.custom ? kernel.custom->block[1] | uint64_t(kernel.custom->block[2]) << 16 : 0;
  };
  auto row = [&](uint32_t kind, const DeviceKernel &kernel, uint32_t registers, llvm::Constant *symbol) {
    return table.record({table.i32(kind), table.i32(kernel.threads), table.i32(kernel.parameters),
                         table.i32(kernel.checks != 0), table.i32(kernel.dynamicShared), table.i32(kernel.staticShared),
                         table.i32(registers), table.i32(blockOf(kernel)), symbol},
                        sizeof(nnf_device_kernel));
  };
  for (const DeviceKernel &kernel : code.kernelsFor(image.target))
    if (image.has(kernel))
      rows[kernel.index] = row(NNF_DEVICE_KERNEL, kernel, image.registers.lookup(kernel.symbol),
                               table.text(kernel.symbol, "nnf.device_symbol"));
  for (auto [index, known] : llvm::enumerate(rows))
    if (!known)
      known = row(static_cast<int64_t>(index) == code.copyKernel && image.source.empty() ? NNF_DEVICE_COPY
                                                                                         : NNF_DEVICE_NONE,
                  {}, 0, table.null());
  return table.array(rows, "nnf.device_kernels");
}

/// Numbers of one width, the rest of them 0.
llvm::SmallVector<llvm::Constant *> padded(llvm::ArrayRef<int64_t> numbers, size_t count,
                                           llvm::function_ref<llvm::Constant *(uint64_t)> make) {
  llvm::SmallVector<llvm::Constant *> fields;
  for (size_t i = 0; i < count; ++i)
    fields.push_back(make(i < numbers.size() ? numbers[i] : 0));
  return fields;
}

/// `windows` gets that of the map, if it has one.
llvm::Constant *mapRow(Table &table, const TensorMap &map, std::vector<llvm::Constant *> &windows) {
  auto i32 = [&](uint64_t value) { return table.i32(value); };
  auto i64 = [&](uint64_t value) { return table.i64(value); };
  if (map.window) {
    llvm::SmallVector<llvm::Constant *> fields;
    for (llvm::ArrayRef<int64_t> numbers : {map.window->lower, map.window->upper, map.window->steps})
      llvm::append_range(fields, padded(numbers, 3, i32));
    windows.push_back(table.record(fields, sizeof(nnf_map_window)));
  }
  // The two halves of a word.
  uint64_t rankAndWindow = map.dims.size() | (map.window ? windows.size() << 16 : 0);
  llvm::SmallVector<llvm::Constant *> fields{table.i32(map.slot), table.i32(map.isBfloat ? NNF_BFLOAT16 : NNF_FLOAT16),
                                             table.i64(map.offset), table.i32(rankAndWindow)};
  llvm::append_range(fields, padded(map.box, 5, i32));
  llvm::append_range(fields, padded(map.dims, 5, i64));
  llvm::append_range(fields, padded(map.strides, 4, i64));
  return table.record(fields, sizeof(nnf_tensor_map));
}

/// What is to be said of launches beside the rows of kernels. `resident` gets a number for each.
std::vector<llvm::Constant *> launchRows(Table &table, const DeviceCode &code, llvm::ArrayRef<DeviceImage> images,
                                         std::vector<llvm::Constant *> &windows,
                                         std::vector<llvm::Constant *> &resident) {
  std::vector<llvm::Constant *> rows;
  for (auto [number, image] : llvm::enumerate(images))
    for (const DeviceKernel &kernel : code.kernelsFor(image.target)) {
      if (!image.has(kernel) || (kernel.maps.empty() && kernel.blocks == 0))
        continue;
      assert(kernel.maps.size() <= NNF_MOST_TENSOR_MAPS);
      std::vector<llvm::Constant *> maps;
      for (const TensorMap &map : kernel.maps)
        maps.push_back(mapRow(table, map, windows));
      rows.push_back(table.record({table.i32(number), table.i32(kernel.index), table.i32(kernel.blocks),
                                   table.i32(maps.size()), table.array(maps, "nnf.tensor_maps")},
                                  sizeof(nnf_device_launch)));
      resident.push_back(table.i32(kernel.resident));
    }
  return rows;
}

/// The driver and the descriptor hand the kernels' entries on, but nobody may call them.
void dropEntries(const DeviceCode &code, llvm::Module &host) {
  for (const DeviceKernel &kernel : code.kernels) {
    for (const std::string &name : {kernel.name + ".entry", kernel.name})
      if (llvm::Function *function = host.getFunction(name)) {
        function->replaceAllUsesWith(llvm::ConstantPointerNull::get(function->getType()));
        function->eraseFromParent();
      }
  }
}

} // namespace

unsigned versionOfPtx(llvm::StringRef ptx) {
  unsigned major = 0, minor = 0;
  llvm::StringRef text = ptx.split(".version ").second;
  if (text.consumeInteger(10, major) || !text.consume_front(".") || text.consumeInteger(10, minor))
    return 0;
  return 10 * major + minor;
}

void linkDeviceTable(const DeviceCode &code, llvm::ArrayRef<DeviceImage> images, llvm::Module &host) {
  dropEntries(code, host);
  Table table(host);
  std::vector<llvm::Constant *> rows;
  for (const DeviceImage &image : images) {
    const CudaTarget &target = image.target;
    rows.push_back(
        table.record({table.i32(image.isCubin ? NNF_IMAGE_CUBIN : NNF_IMAGE_PTX), table.i32(target.getCapability()),
                      table.i32(target.isExact() ? NNF_IMAGE_EXACT : 0), table.i32(image.version),
                      table.text(target.getArch(), "nnf.device_arch"), table.text(image.bytes, "nnf.device_image", 64),
                      table.i64(image.bytes.size() + (image.isCubin ? 0 : 1)), kernelRows(table, code, image)},
                     sizeof(nnf_device_image)));
  }
  llvm::Constant *imageRows = table.array(rows, "nnf.device_images");
  std::vector<llvm::Constant *> windows, resident, launches = launchRows(table, code, images, windows, resident);
  llvm::Constant *whole =
      table.record({table.i32(sizeof(nnf_device_code)), table.i32(images.size()), imageRows, table.i32(launches.size()),
                    table.i32(windows.size()), table.array(launches, "nnf.device_launches"),
                    table.array(windows, "nnf.map_windows"), table.array(resident, "nnf.resident_blocks")},
                   sizeof(nnf_device_code));
  llvm::GlobalVariable *made = table.global(whole, "", 8);
  if (llvm::GlobalVariable *declared = host.getNamedGlobal(deviceCodeName)) {
    declared->replaceAllUsesWith(made);
    declared->eraseFromParent();
  }
  made->setName(deviceCodeName);
}

} // namespace nnf
