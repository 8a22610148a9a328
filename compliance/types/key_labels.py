"""Keys of reports and claims as labels, with the terms in them as people write them."""

from __future__ import annotations

_TERMS = {
    "cpu": "CPU", "cuda": "CUDA", "cudnn": "cuDNN", "gpu": "GPU", "numpy": "NumPy", "onednn": "oneDNN", "onnx": "ONNX",
    "sha256": "SHA-256", "torch": "PyTorch",
}  # fmt: skip


def label_of_key(key: str) -> str:
    """A key as a label: "approved_submitters" -> "Approved submitters", "trigger_sha256" -> "SHA-256 of the trigger"."""
    words = [_TERMS.get(word, word) for word in key.strip("_ ").replace("_", " ").split(" ")]
    if len(words) > 1 and words[-1] == "SHA-256":
        words = ["SHA-256 of the", *words[:-1]]
    text = " ".join(words)
    return text if words[0] in _TERMS.values() else text[:1].upper() + text[1:]
