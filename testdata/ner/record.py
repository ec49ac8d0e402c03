#!/usr/bin/env python3
"""Makes three tiny token classifiers with random weights (BERT, DistilBERT and RoBERTa) and records what Hugging Face's own
code makes of some texts: words and their offsets from the fast tokenizer, logits from the Flax models. The numbers in
`bert/`, `distilbert/` and `roberta/` are of:

    pip install 'transformers==4.46.3' 'jax<0.5' 'flax<0.11' 'numpy<2.3' safetensors
    python3 record.py

Nothing is downloaded; the seed is fixed. The vocabulary and the texts are made up.
"""
import json
import pathlib

import jax
import numpy as np
from safetensors.numpy import save_file
from transformers import (
    BertConfig,
    BertTokenizerFast,
    DistilBertConfig,
    FlaxBertForTokenClassification,
    FlaxDistilBertForTokenClassification,
    FlaxRobertaForTokenClassification,
    RobertaConfig,
    RobertaTokenizerFast,
)
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

HERE = pathlib.Path(__file__).parent
WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] . , ' - ( ) : / the seen by dr mr in on of and fever ward was la "
    "quil ##ver ##moor ##by ##s 04 17 2024 1 2 ##0 ##24 o bri ##en jose mul ##ler ##a ##b a b c 医 院"
)
TEXTS = [
    "Seen by Dr. Quilvermoor on 04/17/2024.",
    "O'Brien, Jos\u00e9 (M\u00fcller) was in ward 1-20",
    "The fever of Mr Quilver\u200bmoor \u533b\u9662 and \u00c0b\u00e0",
    "a b c xylophone\u00a0the\n\nfever " + "z" * 120 + " \U0001f600 by",
]
# Of these the byte-level tokenizer has whole pieces; a blank before a word is part of it. Of the first of the two Chinese
# characters, three bytes each, the first two bytes are one piece.
BYTE_WORDS = ["Seen", " by", " Dr", " Quil", "ver", "moor", " on", " 20", "24", " ward", " fever", " Jos", "\u00e9", " zz", "zz"]
BYTE_PARTS = [b"\xe5\x8c"]
TAGS = ["O", "B-PATIENT", "I-PATIENT", "B-DOCTOR", "I-DOCTOR", "B-DATE", "I-DATE"]
ID2LABEL = dict(enumerate(TAGS))
LABEL2ID = {tag: number for number, tag in ID2LABEL.items()}


def byte_level(folder):
    """The files of a byte-level BPE: special pieces, a piece for each byte, and those that merges make."""
    characters = bytes_to_unicode()
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(characters[byte] for byte in range(256))]
    merges = []
    for word in [*(word.encode() for word in BYTE_WORDS), *BYTE_PARTS]:
        so_far, *rest = (characters[byte] for byte in word)
        for character in rest:
            if so_far + character not in pieces:
                merges.append(f"{so_far} {character}")
                pieces.append(so_far + character)
            so_far += character
    pieces.append("<mask>")
    folder.mkdir(exist_ok=True)
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return len(pieces)


def flatten(tree, path=()):
    """Flax parameters under the names and shapes that safetensors of PyTorch models have."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, (*path, key))
        elif key == "kernel":
            yield ".".join((*path, "weight")), np.ascontiguousarray(np.asarray(value).T)
        elif key in ("embedding", "scale"):
            yield ".".join((*path, "weight")), np.asarray(value)
        else:
            yield ".".join((*path, key)), np.asarray(value)


def record(name, model, tokenizer, seed):
    rng = np.random.default_rng(seed)
    stir = lambda value: (np.asarray(value) + rng.normal(0, 0.3, value.shape)).astype(np.float32)
    params = jax.tree_util.tree_map(stir, model.params)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    model.config.architectures = [type(model).__name__.removeprefix("Flax")]
    (folder / "config.json").write_text(model.config.to_json_string())
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    save_file(dict(flatten(params)), folder / "model.safetensors")
    answers = []
    for text in TEXTS:
        encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        ids = encoded["input_ids"]
        pieces = [
            {"id": id, "from": len(text[:start].encode()), "to": len(text[:end].encode()), "word": word}
            for id, (start, end), word in zip(ids, encoded["offset_mapping"], encoded.word_ids())
        ]
        row = np.array([[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]])
        logits = np.asarray(model(row, np.ones_like(row), params=params).logits)[0, 1:-1]
        answers.append({"text": text, "pieces": pieces, "logits": logits.round(6).tolist()})
    lines = ",\n".join(json.dumps(answer) for answer in answers)
    (folder / "expected.json").write_text(f"[{lines}]\n")


def main():
    jax.config.update("jax_default_matmul_precision", "highest")
    vocabulary = WORDS.split()
    shared = {"vocab_size": len(vocabulary), "id2label": ID2LABEL, "label2id": LABEL2ID, "max_position_embeddings": 64}
    (HERE / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = BertTokenizerFast(str(HERE / "vocab.txt"), do_lower_case=True)
    bert = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24, type_vocab_size=2, **shared
    )
    record("bert", FlaxBertForTokenClassification(bert, seed=1), tokenizer, 7)
    distil = DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=20, **shared)
    record("distilbert", FlaxDistilBertForTokenClassification(distil, seed=2), tokenizer, 11)
    folder = HERE / "roberta"
    of_bytes = {"vocab_size": byte_level(folder), "max_position_embeddings": 250, "layer_norm_eps": 1e-5}
    roberta = RobertaConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        type_vocab_size=1,
        **{**shared, **of_bytes},
    )
    tokenizer = RobertaTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"))
    record("roberta", FlaxRobertaForTokenClassification(roberta, seed=3), tokenizer, 13)


if __name__ == "__main__":
    main()
