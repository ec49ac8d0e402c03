#!/usr/bin/env python3
"""Writes the seeds of the fuzz target `model`: the smallest token classifiers that are read, a BERT, a DistilBERT and a
RoBERTa with either form of its tokenizer. Each file of a model stands after a line `%% NAME`; the form is told in
`fuzz/src/lib.rs`. Needs nothing but Python; weights are small numbers from a fixed rule.
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
TAGS = {"0": "O", "1": "B-PATIENT", "2": "I-PATIENT"}
WORDS = "[PAD] [UNK] [CLS] [SEP] quil ##ver rook . a".split()
HIDDEN, INNER, POSITIONS = 4, 4, 8


def layer(prefix, names):
    query, key, value, joined, after, up, down, last = names
    for name in (query, key, value, joined):
        yield f"{prefix}.{name}.weight", (HIDDEN, HIDDEN)
        yield f"{prefix}.{name}.bias", (HIDDEN,)
    for name, shape in ((up, (INNER, HIDDEN)), (down, (HIDDEN, INNER))):
        yield f"{prefix}.{name}.weight", shape
        yield f"{prefix}.{name}.bias", shape[:1]
    for name in (after, last):
        yield f"{prefix}.{name}.weight", (HIDDEN,)
        yield f"{prefix}.{name}.bias", (HIDDEN,)


def weights(root, layers, names, vocabulary, positions, types):
    tensors = {
        f"{root}.embeddings.word_embeddings.weight": (vocabulary, HIDDEN),
        f"{root}.embeddings.position_embeddings.weight": (positions, HIDDEN),
        f"{root}.embeddings.LayerNorm.weight": (HIDDEN,),
        f"{root}.embeddings.LayerNorm.bias": (HIDDEN,),
        "classifier.weight": (len(TAGS), HIDDEN),
        "classifier.bias": (len(TAGS),),
        **dict(layer(f"{root}.{layers}.0", names)),
    }
    if types:
        tensors[f"{root}.embeddings.token_type_embeddings.weight"] = (types, HIDDEN)
    header, values = {}, b""
    for number, (name, shape) in enumerate(tensors.items()):
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        part = b"".join(struct.pack("<e", ((7 * at + number) % 13 - 6) / 4) for at in range(count))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [len(values), len(values) + len(part)]}
        values += part
    return json.dumps(header, separators=(",", ":")).encode(), values


def write(name, files, header, values):
    files = {**files, "text": "Quilver Rook, m\u00fc\u00fc \U0001f600.\nrook".encode(), "header": header, "values": values}
    dump = lambda data: data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    parts = [b"%% " + file.encode() + b"\n" + dump(data) + (b"" if file == "values" else b"\n") for file, data in files.items()]
    (HERE / f"{name}.model").write_bytes(b"".join(parts))


BERT = (
    "attention.self.query attention.self.key attention.self.value attention.output.dense "
    "attention.output.LayerNorm intermediate.dense output.dense output.LayerNorm"
).split()
DISTILBERT = "attention.q_lin attention.k_lin attention.v_lin attention.out_lin sa_layer_norm ffn.lin1 ffn.lin2 output_layer_norm".split()


def config(architecture, vocabulary, positions, **more):
    return {
        "architectures": [architecture],
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "id2label": TAGS,
        **more,
    }


def characters():
    """The characters that bytes are written as."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + at) for at, byte in enumerate(others)}}


def main():
    ids = {word: number for number, word in enumerate(WORDS)}
    of_bert = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": HIDDEN, "intermediate_size": INNER}
    tokenizer = {
        "added_tokens": [{"content": "[CLS]", "special": True}],
        "normalizer": {"type": "BertNormalizer", "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": ids},
    }
    files = {
        "config.json": config("BertForTokenClassification", len(WORDS), POSITIONS, type_vocab_size=2, **of_bert),
        "tokenizer.json": tokenizer,
    }
    write("bert", files, *weights("bert", "encoder.layer", BERT, len(WORDS), POSITIONS, 2))
    of_distilbert = {"n_layers": 1, "n_heads": 1, "dim": HIDDEN, "hidden_dim": INNER, "activation": "relu"}
    files = {
        "config.json": config("DistilBertForTokenClassification", len(WORDS), POSITIONS, **of_distilbert),
        "tokenizer_config.json": {"do_lower_case": True},
        "vocab.txt": "\n".join(WORDS).encode(),
    }
    write("distilbert", files, *weights("distilbert", "transformer.layer", DISTILBERT, len(WORDS), POSITIONS, 0))
    pieces = ["<s>", "<pad>", "</s>", *characters().values(), "ok", "\u0120R"]
    ids = {piece: number for number, piece in enumerate(pieces)}
    positions = POSITIONS + 2
    of_roberta = {"pad_token_id": 1, "type_vocab_size": 1, "layer_norm_eps": 1e-5, **of_bert}
    described = config("RobertaForTokenClassification", len(pieces), positions, **of_roberta)
    tensors = weights("roberta", "encoder.layer", BERT, len(pieces), positions, 1)
    tokenizer = {
        "added_tokens": [{"content": "<s>", "special": True}],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True},
        "model": {"type": "BPE", "vocab": ids, "merges": [["o", "k"], "\u0120 R"]},
    }
    write("roberta", {"config.json": described, "tokenizer.json": tokenizer}, *tensors)
    files = {"config.json": described, "merges.txt": "#version: 0.2\no k\n\u0120 R".encode(), "vocab.json": ids}
    write("roberta-lists", files, *tensors)


if __name__ == "__main__":
    main()
