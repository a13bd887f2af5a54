"""OpenVINO, its CPU plugin, one stream, for latency; float32 also where the processor has narrower arithmetic."""
from engines import Unable

TITLE = "OpenVINO"


def version():
    import openvino
    return f"OpenVINO {openvino.__version__.split('-')[0]}, CPU, performance hint LATENCY, float32"


def environment(threads):
    return {}


def shipped(case):
    return [case.onnx]


def load(case, threads):
    import openvino
    core = openvino.Core()
    # Pinning is the coordinator's: the plugin's own would leave the cores it gave.
    try:
        compiled = core.compile_model(str(case.onnx), "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": "NO"})
    except RuntimeError as error:
        raise Unable(reason(str(error))) from None
    request, inputs = compiled.create_infer_request(), case.tensors("inputs")
    for name, array in inputs.items():
        request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
    names = [output.get_any_name() for output in compiled.outputs]

    def run(want_outputs=True):
        request.infer()
        return {name: request.get_tensor(name).data for name in names} if want_outputs else None

    run.keep = inputs  # shared with the request, which does not hold them
    return run


def reason(text):
    """Of a message that begins with places in its source and ends with a summary, the line between that says why."""
    lines = [line for line in text.partition("Summary:")[0].splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.startswith(("Exception from", "Check "))), "no message")
