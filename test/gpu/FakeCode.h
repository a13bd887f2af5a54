// What the fake driver reads of code that it is given: its kernels, and what their launches take.
#ifndef NNF_TEST_GPU_FAKECODE_H
#define NNF_TEST_GPU_FAKECODE_H

#include "runtime/abi.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using CUcontext = struct CUctx_st *;
using CUmodule = struct CUmod_st *;
using CUfunction = struct CUfunc_st *;

struct CUfunc_st {
  std::string name;
  const nnf_kernel_info *kernel; // of the emulated library
  CUmodule module;
  unsigned number = 0;                                        // of the model's kernels
  unsigned threads = 0, parameters = 0, checks = 0, maps = 0; // maps: tensor maps, after the parameters
  unsigned block[3] = {0, 1, 1};                              // of a kernel with a grid of its own; x is 0: of none
  std::vector<bool> isPointer;                                // of parameters; empty: not known
  bool usesDynamic = false;                                   // it has shared memory that launches are to add
  unsigned mostDynamic = 48 << 10;
};
struct CUmod_st {
  CUcontext context;
  std::map<std::string, CUfunc_st> functions{};
};

/// Entries with their parameters and threads are in the code itself; their numbers and checks are in the head.
inline void readPtx(const char *text, CUmod_st &module) {
  std::istringstream lines(text);
  std::map<std::string, CUfunc_st> heads;
  std::set<std::string> external;
  CUfunc_st *now = nullptr;
  for (std::string line; std::getline(lines, line);) {
    unsigned number, threads, checks, block[3];
    char name[256];
    int head = sscanf(line.c_str(), "// kernel %u %255s threads=%u parameters=%*u checks=%u block=%u,%u,%u", &number,
                      name, &threads, &checks, block, block + 1, block + 2);
    if (head >= 4) {
      CUfunc_st &function = heads[name] = {};
      function.number = number, function.checks = checks;
      if (head == 7) {
        function.threads = threads;
        std::copy(block, block + 3, function.block);
      }
    } else if (sscanf(line.c_str(), ".extern .shared .align %*u .b8 %255[^[]", name) == 1) {
      external.insert(name);
    } else if (sscanf(line.c_str(), ".visible .entry %255[^(](", name) == 1) {
      now = &module.functions[name];
      *now = heads[name];
    } else if (now && line.find(".param .align 64 .b8 ") != std::string::npos) {
      ++now->maps;
    } else if (now && line.find(".param ") != std::string::npos && line.find("ld.param") == std::string::npos) {
      ++now->parameters;
      now->isPointer.push_back(line.find(".ptr") != std::string::npos);
    } else if (now && (sscanf(line.c_str(), ".reqntid %u", &threads) == 1 ||
                       sscanf(line.c_str(), ".maxntid %u", &threads) == 1)) {
      now->threads = threads; // NVRTC says at most: a launch of nnfc's has that many
    }
    for (const std::string &array : external)
      if (now && line.find(array) != std::string::npos && line.find(".extern") == std::string::npos)
        now->usesDynamic = true;
  }
}

/// Each kernel has a section .nv.info.NAME of attributes: a format byte, the attribute, and two bytes that are its
/// value or, of format 4, how many bytes of it follow.
inline void readCubin(const char *file, CUmod_st &module) {
  auto *head = reinterpret_cast<const Elf64_Ehdr *>(file);
  auto *sections = reinterpret_cast<const Elf64_Shdr *>(file + head->e_shoff);
  const char *names = file + sections[head->e_shstrndx].sh_offset;
  for (int i = 0; i < head->e_shnum; ++i) {
    std::string name = names + sections[i].sh_name, prefix = ".nv.info.";
    if (name.rfind(prefix, 0) != 0)
      continue;
    CUfunc_st &function = module.functions[name.substr(prefix.size())];
    sscanf(name.c_str(), ".nv.info.k%u", &function.number);
    auto *at = reinterpret_cast<const unsigned char *>(file + sections[i].sh_offset), *end = at + sections[i].sh_size;
    while (at + 4 <= end) {
      unsigned attribute = at[1], bytes = at[0] == 4 ? at[2] + 256u * at[3] : 0;
      function.parameters += attribute == 0x17;
      if (attribute == 0x10)
        memcpy(&function.threads, at + 4, 4);
      at += 4 + bytes;
    }
  }
}

#endif
