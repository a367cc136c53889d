"""Base and adapter as one GGUF file: what llama.cpp, Ollama and the embedded engine run.

Everything but the weights – tokenizer, chat template, hyperparameters, rope factors – is taken
from a GGUF file of the same base, as its makers wrote it: a tokenizer that is guessed gives wrong
tokens and no error. That the file is of the same base is checked by its norms, which every file
keeps in float32.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from llm_eval.errors import ConfigError, boundary
from llm_eval.finetune.export.architectures import TensorMap, tensor_map
from llm_eval.finetune.export.merged import export_merged
from llm_eval.finetune.export.tensors import read_checkpoint
from llm_eval.finetune.export.whole import whole_file
from llm_eval.models.adapter_files import AdapterFiles
from llm_eval.models.hf.checkpoint import read_json

if TYPE_CHECKING:
    import gguf
    import numpy as np
    from numpy.typing import NDArray

Quantization = Literal["f32", "f16", "q8_0"]
_OWN = ("GGUF.", "general.file_type", "general.quantization_version", "general.name")
_TOLERANCE = 1e-3
_BLOCK = 32
"""Values that share a scale in q8_0."""


def export_gguf_model(
    adapter: AdapterFiles, base: Path, like: Path, output: Path, quantization: Quantization = "f16"
) -> int:
    """Write base plus adapter as one GGUF file; the number of tensors.

    Args:
        adapter: what was trained.
        base: the checkpoint that it was trained on.
        like: a GGUF file of the same base, in any quantisation.
        output: the file to write.
        quantization: how matrices are stored; vectors stay in float32.

    Raises:
        ConfigError: the family is not known, `like` is of another base, or the file cannot be
            written.
    """
    tensors = tensor_map(read_json(base / "config.json"), str(base))
    reader = _open(like)
    _check_same_base(reader, like, base, tensors)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".merge-") as scratch:
        merged = Path(scratch) / "merged"
        export_merged(adapter, base, merged)
        with whole_file(output) as path:
            return _write(path, reader, merged, tensors, adapter, quantization)


def _write(
    path: Path,
    reader: "gguf.GGUFReader",
    merged: Path,
    tensors: TensorMap,
    adapter: AdapterFiles,
    quantization: Quantization,
) -> int:
    import gguf

    writer = gguf.GGUFWriter(path, tensors.architecture.gguf)
    _copy_metadata(reader, writer)
    writer.add_string("general.name", adapter.path.name)
    writer.add_string("llm_eval.adapter.sha256", adapter.digest)
    writer.add_file_type(getattr(gguf.LlamaFileType, _FILE_TYPES[quantization]))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    left = {tensor.name: tensor for tensor in reader.tensors}
    n_written = 0
    for name, values in read_checkpoint(merged):
        known = tensors.name(name)
        there = None if known is None else left.pop(known, None)
        if known is None or there is None:
            raise ConfigError(f"the GGUF file has no tensor for {name}: is it of the same base?")
        if tuple(reversed(there.shape)) != values.shape:
            raise ConfigError(
                f"{name} has shape {values.shape}, in the GGUF file {tuple(reversed(there.shape))}"
            )
        _add(writer, known, tensors.laid_out(name, values), quantization)
        n_written += 1
    for name, tensor in left.items():  # rope factors, which no checkpoint holds
        if name == "output.weight":
            raise ConfigError("the GGUF file has an output layer of its own, the checkpoint none")
        writer.add_tensor(name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return n_written + len(left)


_FILE_TYPES: Mapping[Quantization, str] = {
    "f32": "ALL_F32",
    "f16": "MOSTLY_F16",
    "q8_0": "MOSTLY_Q8_0",
}


def _add(
    writer: "gguf.GGUFWriter", name: str, values: "NDArray[np.float32]", wanted: Quantization
) -> None:
    import gguf
    import numpy as np

    if values.ndim == 1 or wanted == "f32":
        writer.add_tensor(name, np.ascontiguousarray(values, dtype=np.float32))
    elif wanted == "q8_0" and values.shape[-1] % _BLOCK == 0:
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, values.astype(np.float16))


def _copy_metadata(reader: "gguf.GGUFReader", writer: "gguf.GGUFWriter") -> None:
    import gguf

    for field in reader.fields.values():
        if field.name.startswith(_OWN) or field.name == gguf.Keys.General.ARCHITECTURE:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, inner)


def _open(like: Path) -> "gguf.GGUFReader":
    import gguf

    if not like.is_file():
        raise ConfigError(f"{like} is not there; name a GGUF file of the adapter's base")
    with boundary(ConfigError, f"{like} is no GGUF file"):
        return gguf.GGUFReader(like)


def _check_same_base(reader: "gguf.GGUFReader", like: Path, base: Path, tensors: TensorMap) -> None:
    """Its norms are the base's, and its vocabulary as large."""
    import numpy as np

    stored = {tensor.name: tensor for tensor in reader.tensors}
    n_norms = 0
    for name, values in read_checkpoint(base):
        if not name.endswith("norm.weight"):
            continue
        found = stored.get(tensors.name(name) or "")
        expected = tensors.laid_out(name, values)
        if found is None or found.data.shape != expected.shape:
            raise ConfigError(f"{like} is of another model than {base}: {name} does not fit")
        if not np.allclose(found.data.astype(np.float32), expected, atol=_TOLERANCE, rtol=1e-2):
            raise ConfigError(f"{like} is of another base than {base}: {name} differs")
        n_norms += 1
    if not n_norms:
        raise ConfigError(f"{base} has no norms, so that no GGUF file can be told to be of it")
