#!/usr/bin/env python3
"""Compares two sentences by their embeddings, made by TensorFlow's SavedModel and by sentence-transformers.

    tools/demo_sentences.py CHECKPOINT ARTIFACT [SENTENCE SENTENCE]
"""

import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

SENTENCES = ("A dog runs along the beach.", "A puppy is running by the sea.")


def by_tensorflow(artifact, sentences):
    import tensorflow as tf
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{artifact}/tokenizer.json")
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(list(sentences))
    columns = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    inputs = {name: tf.constant([getattr(text, column) for text in encoded], tf.int32) for name, column in columns.items()}
    signature = tf.saved_model.load(f"{artifact}/saved_model").signatures["sentence_embedding"]
    return signature(**inputs)["sentence_embedding"].numpy()


def by_pytorch(checkpoint, sentences):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(checkpoint, device="cpu", local_files_only=True).encode(list(sentences))


def main():
    checkpoint, artifact, *given = sys.argv[1:]
    sentences = given or SENTENCES
    for sentence in sentences:
        print(f'  "{sentence}"')
    made = {"TensorFlow": by_tensorflow(artifact, sentences), "PyTorch": by_pytorch(checkpoint, sentences)}
    for framework, (first, second) in made.items():
        print(f"similarity by {framework:<11} {float(first @ second):.6f}")
    apart = abs(made["TensorFlow"] - made["PyTorch"]).max()
    print(f"the embeddings are at most {apart:.1e} apart")
    return int(not apart <= 1e-5)


if __name__ == "__main__":
    sys.exit(main())
