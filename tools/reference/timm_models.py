"""Checkpoints of timm, whose configurations name a model of timm's; Transformers runs it inside a class of its own."""

MARK = "pretrained_cfg"  # by which Transformers knows them


def with_class(fields):
    """The configuration's fields with the wrapper's model_type and class, where they are of timm and have none."""
    if MARK not in fields or fields.get("model_type"):
        return fields
    name = "TimmWrapperModel" if fields.get("num_classes") == 0 else "TimmWrapperForImageClassification"
    return {"architectures": [name], **fields, "model_type": "timm_wrapper"}


def channels(config):
    """Of the images; None where the model is not of timm, or does not say."""
    return trained_with(config).get("input_size", [None])[0]


def fixed_size(config):
    """[height, width] of the only images that the model takes; None where others do, or it is not of timm."""
    trained = trained_with(config)
    return trained["input_size"][1:] if trained.get("fixed_input_size") and "input_size" in trained else None


def trained_with(config):
    return getattr(config, MARK, None) or {}
