#!/usr/bin/env python3
"""scale_safetensors.py IN OUT FACTOR: the float32 tensors of a .safetensors file times a number, by numpy."""
import json
import struct
import sys

import numpy as np

source, target, factor = sys.argv[1], sys.argv[2], np.float32(sys.argv[3])
with open(source, "rb") as file:
    whole = file.read()
length, = struct.unpack("<Q", whole[:8])
header, data = json.loads(whole[8:8 + length]), bytearray(whole[8 + length:])
for name, entry in header.items():
    if name != "__metadata__" and entry["dtype"] == "F32":
        begin, end = entry["data_offsets"]
        data[begin:end] = (np.frombuffer(data[begin:end], "<f4") * factor).tobytes()
with open(target, "wb") as file:
    file.write(whole[:8 + length] + data)
