"""The runtimes that are compared: how each is set up, and how it is called.

Every class imports its runtime when it is made, so that a process holds no other one, and has

    name       for tables
    version    of the runtime
    variants   the settings among which the fastest is taken; the first is the default
    settings   what is set, in words, for N threads
    build(folder, network, threads, variant)
               opens a file of prepare.py and returns a function: inputs by name -> ab

All of PEERS compute in float32, also where the processor or the runtime has something shorter.
"""

from names import DDCOLOR, DEFAULT, DEOLDIFY, OWN


class Libcolorize:
    name = "libcolorize"
    variants = ("",)
    settings = "colorize_predict, threads = N"

    def __init__(self):
        import libcolorize

        self.libcolorize = libcolorize
        self.version = libcolorize.version

    def build(self, folder, network, threads, variant):
        if network in OWN:
            file = None if network == DEFAULT else folder / f"{network}.pth"
            model = self.libcolorize.Model(file)
            # The library takes L as it is, the exported network as it is normalised.
            return lambda inputs: model.predict(100 * inputs["input"][0, 0] + 50, threads=threads)
        model = self.libcolorize.Model(folder / f"{network}.pth")
        if network == "eccv16" or network in (*DDCOLOR, *DEOLDIFY):
            return lambda inputs: model.predict(inputs["lightness"][0, 0], threads=threads)
        return lambda inputs: model.predict(
            inputs["lightness"][0, 0], inputs["hints"][0], inputs["mask"][0, 0], threads=threads
        )


class LibcolorizeBFloat16(Libcolorize):
    name = "libcolorize, bfloat16"
    settings = "colorize_predict, precision bfloat16, threads = N"

    def build(self, folder, network, threads, variant):
        model = self.libcolorize.Model(folder / f"{network}.pth", precision="bfloat16")
        return lambda inputs: model.predict(inputs["lightness"][0, 0], threads=threads)


class ONNXRuntime:
    name = "ONNX Runtime"
    variants = ("",)
    settings = (
        "all graph optimisations, intra_op_num_threads = N, inter_op_num_threads = 1, "
        "set_denormal_as_zero"
    )

    def __init__(self):
        import onnxruntime

        self.onnxruntime = onnxruntime
        self.version = onnxruntime.__version__

    def build(self, folder, network, threads, variant):
        options = self.onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = self.onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Subnormal numbers, which attention has, take many processors a hundred times as long.
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        session = self.onnxruntime.InferenceSession(
            folder / f"{network}.onnx", options, providers=["CPUExecutionProvider"]
        )
        return lambda inputs: session.run(["ab"], inputs)[0]


class OpenVINO:
    name = "OpenVINO"
    variants = ("",)
    settings = "hint LATENCY, precision f32, INFERENCE_NUM_THREADS = N"
    precision = "f32"

    def __init__(self):
        import openvino

        self.openvino = openvino
        self.version = openvino.__version__.split("-")[0]

    def build(self, folder, network, threads, variant):
        properties = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": threads,
        }
        compiled = self.openvino.Core().compile_model(folder / f"{network}.onnx", "CPU", properties)
        request = compiled.create_infer_request()
        return lambda inputs: request.infer(inputs)[0]


class OpenVINOBFloat16(OpenVINO):
    name = "OpenVINO, bfloat16"
    settings = "hint LATENCY, precision bf16, INFERENCE_NUM_THREADS = N"
    precision = "bf16"


class NCNN:
    name = "ncnn"
    variants = ("lightmode", "no lightmode")
    settings = "through pnnx, Winograd, sgemm, packing, float32, num_threads = N"

    def __init__(self):
        import ncnn
        import numpy

        self.ncnn = ncnn
        self.numpy = numpy
        self.version = ncnn.__version__

    def build(self, folder, network, threads, variant):
        net = self.ncnn.Net()
        net.opt.num_threads = threads
        net.opt.lightmode = variant == "lightmode"
        for name in ("winograd_convolution", "sgemm_convolution", "packing_layout"):
            setattr(net.opt, f"use_{name}", True)
        for name in (
            "fp16_packed",
            "fp16_storage",
            "fp16_arithmetic",
            "bf16_packed",
            "bf16_storage",
        ):
            setattr(net.opt, f"use_{name}", False)
        parameters = folder / f"{network}.ncnn.param"
        weights = folder / f"{network}.ncnn.bin"
        if net.load_param(str(parameters)) != 0 or net.load_model(str(weights)) != 0:
            raise RuntimeError("it does not load the model that pnnx made")

        def run(inputs):
            with net.create_extractor() as extractor:
                for index, array in enumerate(inputs.values()):
                    # Not the array's own memory, whose alignment ncnn does not check.
                    extractor.input(f"in{index}", self.ncnn.Mat(array[0]).clone())
                status, ab = extractor.extract("out0")
                if status != 0:
                    raise RuntimeError(f"extract gives {status}")
                return self.numpy.array(ab)

        return run


class OpenCV:
    name = "OpenCV"
    variants = ("new engine", "classic engine")
    settings = "dnn, Winograd, setNumThreads(N)"

    def __init__(self):
        import cv2

        self.cv2 = cv2
        self.version = cv2.__version__

    def build(self, folder, network, threads, variant):
        self.cv2.setNumThreads(threads)
        engines = {
            "new engine": self.cv2.dnn.ENGINE_NEW,
            "classic engine": self.cv2.dnn.ENGINE_CLASSIC,
        }
        net = self.cv2.dnn.readNetFromONNX(str(folder / f"{network}.onnx"), engines[variant])
        net.enableWinograd(True)

        def run(inputs):
            for name, array in inputs.items():
                net.setInput(array, name)
            return net.forward()

        return run


class PyTorch:
    name = "PyTorch"
    variants = ("eager", "eager, channels_last", "TorchScript, optimize_for_inference")
    settings = "oneDNN, inference_mode, set_num_threads(N)"

    def __init__(self):
        import warnings

        import torch

        import graphs

        # That TorchScript is deprecated.
        warnings.simplefilter("ignore")
        self.torch = torch
        self.graphs = graphs
        self.version = torch.__version__

    def build(self, folder, network, threads, variant):
        self.torch.set_num_threads(threads)
        module = self.graphs.open_network(network, folder / f"{network}.pth")
        layout = self.torch.contiguous_format
        if variant == "eager, channels_last":
            layout = self.torch.channels_last
            module = module.to(memory_format=layout)

        def tensors(inputs):
            return [self.torch.from_numpy(a).to(memory_format=layout) for a in inputs.values()]

        if variant.startswith("TorchScript"):
            with self.torch.no_grad(), self.numpy_inputs(folder, network) as inputs:
                traced = self.torch.jit.trace(module, tensors(inputs))
            module = self.torch.jit.optimize_for_inference(self.torch.jit.freeze(traced))

        def run(inputs):
            with self.torch.inference_mode():
                return module(*tensors(inputs)).numpy()

        return run

    @staticmethod
    def numpy_inputs(folder, network):
        import numpy

        return numpy.load(folder / f"{network}.inputs.npz")


PEERS = {
    "libcolorize": Libcolorize,
    "onnxruntime": ONNXRuntime,
    "openvino": OpenVINO,
    "ncnn": NCNN,
    "opencv": OpenCV,
    "pytorch": PyTorch,
}
"""By the names of the command line; the first is what the others are compared with."""

SHORTER = {"libcolorize-bf16": LibcolorizeBFloat16, "openvino-bf16": OpenVINOBFloat16}
"""In bfloat16, for DDColor, beside their kin in PEERS; the first is compared with the second."""
