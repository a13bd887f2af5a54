#include "compiler/tuning/CheckTuning.h"

namespace nnf {

TunedMachine machineOf(const CpuTarget &target) {
  TargetInfo info = target.info();
  return {target.getCpu(), info.vectorBytes, info.vectorRegisters, info.l1Bytes, info.l2Bytes};
}

Outcome checkTuning(const CodeRequest &code, const CpuTarget &target) {
  if (code.target != "cpu")
    return Outcome::wrongUsage("--tuning goes with --target=cpu, found --target=" + code.target + " [NNFC-E0004]");
  llvm::Expected<Tuning> read = Tuning::read(code.tuning);
  if (!read)
    return Outcome::fault("--tuning: " + llvm::toString(read.takeError()));
  const TunedMachine &made = read->getMachine();
  TunedMachine wanted = machineOf(target);
  std::string file = "'" + code.tuning + "'";
  if (made.vectorBytes != wanted.vectorBytes || made.vectorRegisters != wanted.vectorRegisters)
    return Outcome::fault("--tuning: " + file + " is of '" + made.text() + "', expected one of '" + wanted.text() +
                          "': tiles are made of its vectors [NNFC-E0406]");
  for (const Tuning::Line &line : read->all()) {
    int64_t outputs = line.choice.winograd.value_or(0);
    if (outputs == 0 || code.accuracy == Accuracy::Relaxed || (outputs == 2 && code.accuracy == Accuracy::Default))
      continue;
    return Outcome::fault("--tuning: " + file + ", line " + std::to_string(line.number) + ": winograd" +
                          std::to_string(outputs) + " found, expected " +
                          (code.accuracy == Accuracy::Strict ? "direct with --accuracy=strict"
                                                             : "direct or winograd2 without --accuracy=relaxed") +
                          " [NNFC-E0406]");
  }
  Outcome outcome;
  if (made.text() != wanted.text())
    outcome.warnings = "warning: --tuning: " + file + " is of '" + made.text() + "', the code is for '" +
                       wanted.text() + "': what was faster there need not be here\n";
  return outcome;
}

} // namespace nnf
