"""ONNX Runtime, its CPU provider with all optimisations, inputs and outputs bound."""
TITLE = "ONNX Runtime"


def version():
    import onnxruntime
    return f"ONNX Runtime {onnxruntime.__version__}, CPUExecutionProvider, all optimisations"


def environment(threads):
    return {}


def shipped(case):
    return [case.onnx]


def load(case, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Its threads spin within a run, and stop with it: spinning on would slow the other engines' turns.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(str(case.onnx), options, providers=["CPUExecutionProvider"])
    binding, names, inputs = session.io_binding(), [output.name for output in session.get_outputs()], case.tensors("inputs")
    for name, array in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
    # The first run makes the outputs; the others write to the same memory.
    for name in names:
        binding.bind_output(name)
    session.run_with_iobinding(binding)
    outputs = binding.get_outputs()
    for name, output in zip(names, outputs):
        binding.bind_ortvalue_output(name, output)

    def run(want_outputs=True):
        session.run_with_iobinding(binding)
        return {name: output.numpy() for name, output in zip(names, outputs)} if want_outputs else None

    run.keep = inputs
    return run
