"""The classes of the model types: the base model, and the main heads."""

import transformers
from transformers.models.auto import modeling_auto

HEADS = (
    "CAUSAL_LM",
    "SEQ_TO_SEQ_CAUSAL_LM",
    "MASKED_LM",
    "IMAGE_TEXT_TO_TEXT",
    "SPEECH_SEQ_2_SEQ",
    "CTC",
    "IMAGE_CLASSIFICATION",
    "OBJECT_DETECTION",
    "SEMANTIC_SEGMENTATION",
    "UNIVERSAL_SEGMENTATION",
    "DEPTH_ESTIMATION",
    "AUDIO_CLASSIFICATION",
    "VIDEO_CLASSIFICATION",
    "SEQUENCE_CLASSIFICATION",
    "TEXT_TO_WAVEFORM",
    "TEXT_TO_SPECTROGRAM",
)


def tables():
    """{head: {model type: class name}}; the base models are ""."""
    found = {"": modeling_auto.MODEL_MAPPING_NAMES}
    names = [name for name in dir(modeling_auto) if name.startswith("MODEL_FOR_") and name.endswith("_MAPPING_NAMES")]
    found.update({name[len("MODEL_FOR_") : -len("_MAPPING_NAMES")]: getattr(modeling_auto, name) for name in names})
    return found


def model_types():
    """All that have a class, sorted."""
    known = set(transformers.models.auto.configuration_auto.CONFIG_MAPPING_NAMES)
    return sorted({name for table in tables().values() for name in table} & known)


def classes_of(model_type, most=2):
    """Names of classes: the base model, then the heads that matter most."""
    all_tables = tables()
    order = ["", *HEADS, *(name for name in all_tables if name and name not in HEADS)]
    found = []
    for head in order:
        entry = all_tables.get(head, {}).get(model_type)
        for name in (entry,) if isinstance(entry, str) else entry or ():
            if name not in found:
                found.append(name)
    return found[:most]
