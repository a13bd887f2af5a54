"""The runtime's C interface (runtime/nnf.h) for tests and measurements, over ctypes and numpy. Not a product.

    with Program("build/digits.so") as program, Context(program, threads=2) as context:
        outputs = context.run({"images": images})      # name -> array, by name

BFLOAT16 tensors are arrays of uint16 (or of void of two bytes, as .npy files hold them); BOOL is numpy's bool.
"""
import ctypes
import os
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_int64, c_uint16, c_uint32, c_uint64, c_uint8, c_void_p
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent

# Tests and measurements have no part in the user's own cache of kernels; run-tests.py gives them one.
os.environ.setdefault("NNFC_CACHE_DIR", "")

# NNF_* of abi.h.
DTYPES = {1: np.float32, 2: np.float64, 3: np.float16, 4: np.uint16, 5: np.int64, 6: np.int32, 7: np.int16, 8: np.int8,
          9: np.uint8, 10: np.bool_, 11: np.uint16, 12: np.uint32, 13: np.uint64}
BFLOAT16 = 4
COMPUTED_SIZE = -(2**63)


class TensorInfo(Structure):
    _fields_ = [("name", c_char_p), ("dtype", c_uint32), ("rank", c_uint32), ("dims", POINTER(c_int64)),
                ("flags", c_uint32), ("tied", c_int32)]


class Model(Structure):
    """The head of nnf_model, as far as tests look at it."""
    _fields_ = [("abi_major", c_uint32), ("abi_minor", c_uint32), ("struct_size", c_uint32), ("flags", c_uint32),
                ("name", c_char_p), ("target", c_char_p), ("producer", c_char_p), ("content_hash", c_uint64),
                ("num_inputs", c_uint32), ("num_outputs", c_uint32), ("num_symbols", c_uint32),
                ("num_kernels", c_uint32), ("num_launches", c_uint32), ("num_checks", c_uint32)]


class DataType(Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class Tensor(Structure):
    """DLTensor of DLPack 0.6."""
    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("dtype", DataType), ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)),
                ("byte_offset", c_uint64)]


class NamedTensor(Structure):
    _fields_ = [("name", c_char_p), ("tensor", POINTER(Tensor))]


class ContextOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("threads", c_uint32), ("executor", c_void_p), ("allocator", c_void_p),
                ("seed", c_uint64), ("device_type", c_int32), ("device_id", c_int32)]


class RunOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_uint32), ("seed", c_void_p), ("cancel", c_void_p),
                ("profiler", c_void_p), ("stream", c_void_p)]


class Error(Exception):
    """A call that returned a status: `status` is its number, the text is the runtime's."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Runtime:
    """The shared runtime of a build tree."""

    def __init__(self, build=ROOT / "build"):
        self.lib = ctypes.CDLL(str(Path(build) / "lib" / "libnnf.so"))
        signatures = {
            "nnf_error_message": (c_char_p, [c_void_p]),
            "nnf_dtype_dlpack": (DataType, [c_uint32]),
            "nnf_program_load": (c_int32, [c_char_p, c_char_p, POINTER(c_void_p)]),
            "nnf_program_from_model": (c_int32, [c_void_p, POINTER(c_void_p)]),
            "nnf_program_destroy": (None, [c_void_p]),
            "nnf_program_set_weights": (c_int32, [c_void_p, c_void_p, c_uint32]),
            "nnf_program_model": (POINTER(Model), [c_void_p]),
            "nnf_program_input": (POINTER(TensorInfo), [c_void_p, c_uint32]),
            "nnf_program_output": (POINTER(TensorInfo), [c_void_p, c_uint32]),
            "nnf_context_create": (c_int32, [c_void_p, POINTER(ContextOptions), POINTER(c_void_p)]),
            "nnf_context_destroy": (None, [c_void_p]),
            "nnf_context_set_run": (None, [c_void_p, c_uint64]),
            "nnf_context_bytes": (c_uint64, [c_void_p]),
            "nnf_replicas_create": (c_int32, [c_void_p, c_void_p, POINTER(c_void_p)]),
            "nnf_replicas_destroy": (None, [c_void_p]),
            "nnf_data_parallel": (c_int32, [c_void_p, POINTER(POINTER(Tensor)), c_uint32, c_void_p, c_uint32,
                                            POINTER(POINTER(Tensor)), c_uint32, c_void_p]),
            "nnf_run": (c_int32, [c_void_p, POINTER(POINTER(Tensor)), c_uint32, POINTER(POINTER(Tensor)), c_uint32,
                                  c_void_p]),
        }
        for name, (result, arguments) in signatures.items():
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments

    def check(self, status, context=None):
        if status != 0:
            raise Error(status, self.lib.nnf_error_message(context).decode(errors="replace"))


class Program:
    """A compiled model. `inputs` and `outputs`: (name, nnf dtype number, dims as in abi.h) in order."""

    def __init__(self, path, name=None, runtime=None, linked=None):
        """`linked`: a ctypes.CDLL that a compiled object was linked into, instead of a library's path."""
        self.runtime = runtime or Runtime()
        lib = self.runtime.lib
        self.handle = c_void_p()
        if linked:
            model = c_uint8.in_dll(linked, f"nnf_model_{name}")
            self.runtime.check(lib.nnf_program_from_model(ctypes.addressof(model), byref(self.handle)))
        else:
            self.runtime.check(lib.nnf_program_load(str(path).encode(), name.encode() if name else None, byref(self.handle)))
        self.model = lib.nnf_program_model(self.handle).contents
        self.inputs = [self._describe(lib.nnf_program_input(self.handle, i)) for i in range(self.model.num_inputs)]
        self.outputs = [self._describe(lib.nnf_program_output(self.handle, i)) for i in range(self.model.num_outputs)]

    @staticmethod
    def _describe(pointer):
        info = pointer.contents
        return info.name.decode(), info.dtype, [info.dims[d] for d in range(info.rank)]

    def set_weights(self, weights):
        """Name -> array, of a library of nnfc compile --swappable-weights. 16-bit floats of numpy are FLOAT16."""
        tensors = []
        for array in weights.values():
            array = np.ascontiguousarray(array).reshape(np.shape(array))
            number = next(number for number, dtype in DTYPES.items() if number != BFLOAT16 and array.dtype == dtype)
            shape = (c_int64 * max(array.ndim, 1))(*array.shape)
            tensors.append(Tensor(array.ctypes.data, 1, 0, array.ndim, self.runtime.lib.nnf_dtype_dlpack(number), shape, None, 0))
            tensors[-1].keep = (array, shape)
        named = (NamedTensor * max(len(tensors), 1))(
            *(NamedTensor(name.encode(), ctypes.pointer(t)) for name, t in zip(weights, tensors)))
        self.runtime.check(self.runtime.lib.nnf_program_set_weights(self.handle, named, len(tensors)))

    def close(self):
        self.runtime.lib.nnf_program_destroy(self.handle)
        self.handle = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Context:
    """What running a program needs. From one thread at a time."""

    def __init__(self, program, threads=0, seed=0, device=(0, 0)):
        """`device`: type and number, as DLPack has them; type 0: what the program is for."""
        self.program, self.runtime = program, program.runtime
        self.handle = c_void_p()
        options = ContextOptions(ctypes.sizeof(ContextOptions), threads, None, None, seed, *device)
        self.runtime.check(self.runtime.lib.nnf_context_create(program.handle, byref(options), byref(self.handle)))

    def _tensor(self, array, dtype):
        """A DLTensor over `array`; whatever its dtype and sizes are: judging them is the runtime's work, and tested."""
        shape = (c_int64 * max(array.ndim, 1))(*array.shape)
        tensor = Tensor(array.ctypes.data, 1, 0, array.ndim, dtype, shape, None, 0)
        tensor.keep = (array, shape)  # as long as the tensor lives
        return tensor

    def _dlpack(self, array, declared):
        """The DLPack type to say for `array`, given the dtype the model declares (which settles 16-bit floats)."""
        if declared == BFLOAT16 and array.dtype in (np.uint16, np.dtype("V2")):
            return self.runtime.lib.nnf_dtype_dlpack(BFLOAT16)
        for number, dtype in DTYPES.items():
            if number != BFLOAT16 and array.dtype == dtype:
                return self.runtime.lib.nnf_dtype_dlpack(number)
        raise TypeError(f"dtype {array.dtype} has no counterpart in the runtime")

    def prepare(self, inputs):
        """Everything for `run`, made once: returns a function that runs and returns the outputs by name.

        The arrays it returns are views of the context's memory, valid until the next run.
        """
        names = [name for name, _, _ in self.program.inputs]
        if set(inputs) != set(names):
            raise KeyError(f"inputs {sorted(inputs)}, expected {sorted(names)}")
        ins = []
        for name, dtype, _ in self.program.inputs:
            array = np.ascontiguousarray(inputs[name]).reshape(np.shape(inputs[name]))
            ins.append(self._tensor(array, self._dlpack(array, dtype)))
        outs = [Tensor() for _ in self.program.outputs]
        for tensor in outs:
            tensor.device_type = 1
        in_array = (POINTER(Tensor) * max(len(ins), 1))(*(ctypes.pointer(t) for t in ins))
        out_array = (POINTER(Tensor) * max(len(outs), 1))(*(ctypes.pointer(t) for t in outs))
        lib, handle = self.runtime.lib, self.handle

        def run(want_outputs=True):
            self.runtime.check(lib.nnf_run(handle, in_array, len(ins), out_array, len(outs), None), handle)
            if not want_outputs:
                return None
            return {name: _view(tensor, dtype) for (name, dtype, _), tensor in zip(self.program.outputs, outs)}

        run.keep = (ins, outs)
        return run

    def run(self, inputs):
        """One run: name -> array to name -> array (copies)."""
        return {name: array.copy() for name, array in self.prepare(inputs)().items()}

    def set_run(self, number):
        """What the next run draws, with the seed."""
        self.runtime.lib.nnf_context_set_run(self.handle, number)

    def bytes_held(self):
        return self.runtime.lib.nnf_context_bytes(self.handle)

    def close(self):
        self.runtime.lib.nnf_context_destroy(self.handle)
        self.handle = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Device(Structure):
    """DLDevice: `kind` 1 is the CPU, 2 a GPU."""
    _fields_ = [("kind", c_int32), ("index", c_int32)]


class ReplicasOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("num_devices", c_uint32), ("device_ids", POINTER(Device)),
                ("output_device", POINTER(Device)), ("dim", c_int64), ("core_sets", c_uint32), ("threads", c_uint32),
                ("replicated", c_char_p), ("allocator", c_void_p), ("seed", c_uint64)]


class Replicas(Context):
    """A program on several devices, each with a part of the batch: numbers of core sets of the CPU, or (type, number)."""

    def __init__(self, program, devices, dim=0, replicated=(), threads=0, seed=0):
        self.program, self.runtime = program, program.runtime
        self.handle = c_void_p()
        ids = (Device * max(len(devices), 1))(*(Device(*(one if isinstance(one, tuple) else (1, one))) for one in devices))
        flags = bytes(name in replicated for name, _, _ in program.inputs)
        options = ReplicasOptions(ctypes.sizeof(ReplicasOptions), len(devices), ids, None, dim, 0, threads, flags, None, seed)
        self.runtime.check(self.runtime.lib.nnf_replicas_create(program.handle, byref(options), byref(self.handle)))

    def run(self, inputs, kwargs=()):
        """One run; the inputs named in `kwargs` go as module_kwargs, the others must be the model's first."""
        tensors = {name: self._tensor(np.ascontiguousarray(inputs[name]).reshape(np.shape(inputs[name])),
                                      self._dlpack(np.asarray(inputs[name]), dtype))
                   for name, dtype, _ in self.program.inputs}
        ins = [t for name, t in tensors.items() if name not in kwargs]
        named = [NamedTensor(name.encode(), ctypes.pointer(tensors[name])) for name in kwargs]
        outs = [Tensor(device_type=1) for _ in self.program.outputs]
        self.call(ins, outs, named)
        return {name: _view(tensor, dtype).copy() for (name, dtype, _), tensor in zip(self.program.outputs, outs)}

    def call(self, ins, outs, named=(), options=None):
        """nnf_data_parallel of tensors."""
        in_array, out_array = ((POINTER(Tensor) * max(len(some), 1))(*(ctypes.pointer(t) for t in some)) for some in (ins, outs))
        named_array = (NamedTensor * max(len(named), 1))(*named)
        self.runtime.check(self.runtime.lib.nnf_data_parallel(self.handle, in_array, len(ins), named_array, len(named),
                                                              out_array, len(outs), byref(options) if options else None))

    def close(self):
        self.runtime.lib.nnf_replicas_destroy(self.handle)
        self.handle = c_void_p()


def _view(tensor, dtype):
    shape = [tensor.shape[d] for d in range(tensor.ndim)]
    kind = np.dtype(DTYPES[dtype])
    count = int(np.prod(shape, dtype=np.int64))
    if count == 0:
        return np.empty(shape, kind)
    raw = (c_uint8 * (count * kind.itemsize)).from_address(tensor.data + tensor.byte_offset)
    return np.frombuffer(raw, dtype=kind).reshape(shape)
