// Files a command writes: whole or not at all.
#pragma once
#include "tools/run/Failure.h"
#include <initializer_list>
#include <string_view>

namespace nnf::run {

/// Writes the parts one after the other to `path`. The file appears under its name only when all of it is on disk; a
/// failure leaves what was there before.
Failure writeFile(const std::string &path, std::initializer_list<std::string_view> parts);

/// Whether there is a folder for `path` that can be written to: said before long work, not after it.
Failure checkFolderOf(const std::string &path);

/// Makes a folder and those above it.
Failure makeFolder(const std::string &path);

/// A tensor's name as a file name: bytes outside [A-Za-z0-9._-] and a leading dot become %XX. No two names collide.
std::string fileNameOf(std::string_view name);

} // namespace nnf::run
