"""Eight architectures that stand for all that are traced: their tiny models are what acceptance and tables are made of."""

from reference.messages import BAD_INPUT, Failure
from tiny.build import build

CLASSES = {
    "llama": "LlamaForCausalLM",
    "modernbert": "ModernBertForMaskedLM",
    "swin": "SwinForImageClassification",
    "segformer": "SegformerForSemanticSegmentation",
    "qwen3": "Qwen3ForCausalLM",
    "t5": "T5ForConditionalGeneration",
    "wav2vec2": "Wav2Vec2ForCTC",
    "clip": "CLIPModel",
}


def save(model_type, folder):
    """The tiny model as a checkpoint; returns its class."""
    model, _, why = build(model_type, CLASSES[model_type])
    if why is not None:
        raise Failure(BAD_INPUT, f"{CLASSES[model_type]}: {why}")
    if hasattr(model.config, "dropout_rate"):
        model.config.dropout_rate = 0.0  # a traced graph has no dropout, which training=True would have to show
    model.save_pretrained(folder)
    return CLASSES[model_type]
