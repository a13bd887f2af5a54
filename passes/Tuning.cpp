#include "passes/Tuning.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using llvm::StringRef;
namespace nnf {
namespace {

using Words = llvm::SmallVector<StringRef, 16>;

llvm::Error error(const llvm::Twine &text) { return llvm::createStringError(text); }

/// No block of any kernel is as large; products of two of these are far from overflowing.
constexpr int64_t largest = 1 << 24;

/// A number in [least, largest] and nothing else.
llvm::Error readNumber(StringRef word, StringRef value, int64_t least, int64_t &number) {
  if (value.empty() || !llvm::all_of(value, llvm::isDigit) || value.getAsInteger(10, number) || number < least ||
      number > largest)
    return error("'" + word + "' found, expected a number from " + llvm::Twine(least) + " to " + llvm::Twine(largest) +
                 " [NNFC-E0405]");
  return llvm::Error::success();
}

/// "123.4us"
bool isTime(StringRef value) {
  double number;
  return value.consume_back("us") && !value.empty() && value.find_first_not_of("0123456789.") == StringRef::npos &&
         !value.getAsDouble(number);
}

/// The fields of a choice, each by its name in the file.
struct Field {
  StringRef name;
  std::optional<int64_t> KernelChoice::*value;
  int64_t least;
};
constexpr Field fields[] = {{"rows", &KernelChoice::rows, 1},
                            {"tiles", &KernelChoice::tiles, 1},
                            {"panels", &KernelChoice::panels, 1},
                            {"taps", &KernelChoice::taps, 0},
                            {"chunk", &KernelChoice::chunk, 0}};
constexpr StringRef fieldNames = "rows, tiles, panels, order, taps or chunk";

llvm::Expected<TunedMachine> parseMachine(llvm::ArrayRef<StringRef> words) {
  TunedMachine machine;
  constexpr std::pair<StringRef, int64_t TunedMachine::*> numbers[] = {{"vector", &TunedMachine::vectorBytes},
                                                                       {"registers", &TunedMachine::vectorRegisters},
                                                                       {"l1", &TunedMachine::l1Bytes},
                                                                       {"l2", &TunedMachine::l2Bytes}};
  if (words.size() != 1 + std::size(numbers))
    return error("expected 'cpu NAME vector=BYTES registers=N l1=BYTES l2=BYTES' [NNFC-E0405]");
  machine.cpu = words.front().str();
  for (auto [word, number] : llvm::zip(words.drop_front(), numbers)) {
    auto [name, value] = word.split('=');
    if (name != number.first)
      return error("'" + word + "' found, expected " + number.first + "=N [NNFC-E0405]");
    if (llvm::Error wrong = readNumber(word, value, 1, machine.*number.second))
      return std::move(wrong);
  }
  return machine;
}

/// Takes `default=…us best=…us launches=N` off a line's end: what a person reads, and nobody else.
llvm::Error dropTimes(Words &words) {
  bool seen[3] = {};
  constexpr StringRef names[] = {"default", "best", "launches"};
  while (!words.empty()) {
    auto [name, value] = words.back().split('=');
    auto found = llvm::find(names, name);
    if (found == std::end(names) || !words.back().contains('='))
      return llvm::Error::success();
    size_t i = found - std::begin(names);
    int64_t count;
    if (seen[i])
      return error("'" + words.back() + "' is there twice [NNFC-E0405]");
    if (i == 2) {
      if (llvm::Error wrong = readNumber(words.back(), value, 0, count))
        return wrong;
    } else if (!isTime(value)) {
      return error("'" + words.back() + "' found, expected a time such as " + name + "=12.5us [NNFC-E0405]");
    }
    seen[i] = true;
    words.pop_back();
  }
  return llvm::Error::success();
}

} // namespace

std::string KernelChoice::text() const {
  if (!winograd)
    return "default";
  std::string text = *winograd ? "winograd" + std::to_string(*winograd) : "direct";
  for (const Field &field : fields) {
    if (field.name == "taps" && panelsInner)
      text += *panelsInner ? " order=inner" : " order=outer";
    if (const std::optional<int64_t> &value = this->*field.value)
      text += " " + field.name.str() + "=" + std::to_string(*value);
  }
  return text;
}

llvm::Expected<KernelChoice> KernelChoice::parse(StringRef text) {
  Words words;
  llvm::SplitString(text, words);
  return parse(words);
}

llvm::Expected<KernelChoice> KernelChoice::parse(llvm::ArrayRef<StringRef> words) {
  KernelChoice choice;
  if (words.empty())
    return error("nothing found, expected default, direct, winograd2 or winograd4 [NNFC-E0405]");
  StringRef method = words.front();
  if (method == "direct")
    choice.winograd = 0;
  else if (method == "winograd2" || method == "winograd4")
    choice.winograd = method.back() - '0';
  else if (method != "default")
    return error("'" + method + "' found, expected default, direct, winograd2 or winograd4 [NNFC-E0405]");
  for (StringRef word : words.drop_front()) {
    auto [name, value] = word.split('=');
    if (choice.isDefault())
      return error("'" + word + "' found after 'default', expected nothing [NNFC-E0405]");
    auto field = llvm::find_if(fields, [name = name](const Field &f) { return f.name == name; });
    if (name == "order" && (value == "inner" || value == "outer") && !choice.panelsInner) {
      choice.panelsInner = value == "inner";
    } else if (name == "order" && !choice.panelsInner) {
      return error("'" + word + "' found, expected order=inner or order=outer [NNFC-E0405]");
    } else if (name == "order" || (field != std::end(fields) && choice.*field->value)) {
      return error("'" + word + "': " + name + " is there twice [NNFC-E0405]");
    } else if (field == std::end(fields)) {
      return error("'" + word + "' found, expected " + fieldNames + " [NNFC-E0405]");
    } else {
      int64_t number;
      if (llvm::Error wrong = readNumber(word, value, field->least, number))
        return std::move(wrong);
      choice.*field->value = number;
    }
    if (*choice.winograd && (name == "order" || name == "taps" || name == "chunk"))
      return error("'" + word + "' goes with direct, expected rows, tiles or panels after '" + method +
                   "' [NNFC-E0405]");
  }
  if (choice.chunk.value_or(0) % 8)
    return error("'chunk=" + llvm::Twine(*choice.chunk) + "' found, expected a multiple of 8 [NNFC-E0405]");
  return choice;
}

std::string TunedMachine::text() const {
  return "cpu " + cpu + " vector=" + std::to_string(vectorBytes) + " registers=" + std::to_string(vectorRegisters) +
         " l1=" + std::to_string(l1Bytes) + " l2=" + std::to_string(l2Bytes);
}

llvm::Expected<Tuning> Tuning::read(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true, /*RequiresNullTerminator=*/false);
  if (!file)
    return error("'" + path + "' cannot be read: " + file.getError().message() + " [NNFC-E0101]");
  return parse((*file)->getBuffer(), path);
}

llvm::Expected<Tuning> Tuning::parse(StringRef text, StringRef path) {
  Tuning tuning;
  bool hasVersion = false, hasMachine = false;
  unsigned number = 0;
  auto wrong = [&](const llvm::Twine &what) {
    return error("'" + path + "', line " + llvm::Twine(number) + ": " + what);
  };
  while (!text.empty()) {
    StringRef line;
    std::tie(line, text) = text.split('\n');
    ++number;
    line = line.trim();
    if (line.empty() || line.starts_with("#"))
      continue;
    Words words;
    llvm::SplitString(line, words);
    if (!hasVersion) {
      if (words.size() != 2 || words[0] != "nnfc-tuning" || words[1] != "1")
        return wrong("'" + line.take_front(40) + "' found, expected 'nnfc-tuning 1' [NNFC-E0405]");
      hasVersion = true;
      continue;
    }
    if (!hasMachine || words[0] == "cpu") {
      if (words[0] != "cpu" || hasMachine)
        return wrong("'" + words[0] + "' found, expected " + (hasMachine ? "'kernel': one machine a file" : "'cpu'") +
                     " [NNFC-E0405]");
      llvm::Expected<TunedMachine> machine = parseMachine(llvm::ArrayRef(words).drop_front());
      if (!machine)
        return wrong(llvm::toString(machine.takeError()));
      tuning.machine = std::move(*machine);
      hasMachine = true;
      continue;
    }
    if (words[0] != "kernel" || words.size() < 3)
      return wrong("'" + line.take_front(40) + "' found, expected 'kernel KEY CHOICE' [NNFC-E0405]");
    StringRef key = words[1];
    if (key.count('|') != 1 || key.starts_with("|"))
      return wrong("'" + key + "' found, expected a kernel's key, CONTRACTION|REST [NNFC-E0405]");
    words.erase(words.begin(), words.begin() + 2);
    if (llvm::Error times = dropTimes(words))
      return wrong(llvm::toString(std::move(times)));
    llvm::Expected<KernelChoice> choice = KernelChoice::parse(words);
    if (!choice)
      return wrong(llvm::toString(choice.takeError()));
    Line read{number, key.str(), *choice};
    if (auto [known, isNew] = tuning.byKey.try_emplace(key, tuning.lines.size()); !isNew)
      return wrong("kernel '" + key + "' is on line " + llvm::Twine(tuning.lines[known->second].number) +
                   " already [NNFC-E0405]");
    if (!read.choice.isDefault()) {
      auto [known, isNew] = tuning.byContraction.try_emplace(contractionOf(key), tuning.lines.size());
      const KernelChoice &first = isNew ? read.choice : tuning.lines[known->second].choice;
      if (first.winograd != read.choice.winograd)
        return wrong(
            "'" + words[0] + "' found, but line " + llvm::Twine(tuning.lines[known->second].number) +
            " has another method for the same contraction: expected one for all kernels around it [NNFC-E0405]");
    }
    tuning.lines.push_back(std::move(read));
  }
  ++number;
  if (!hasVersion || !hasMachine)
    return wrong(llvm::Twine("the file ends, expected ") + (hasVersion ? "'cpu …'" : "'nnfc-tuning 1'") +
                 " [NNFC-E0405]");
  return tuning;
}

const Tuning::Line *Tuning::find(StringRef key) const {
  auto found = byKey.find(key);
  return found == byKey.end() ? nullptr : &lines[found->second];
}

const Tuning::Line *Tuning::methodOf(StringRef contraction) const {
  auto found = byContraction.find(contraction);
  return found == byContraction.end() ? nullptr : &lines[found->second];
}

} // namespace nnf
