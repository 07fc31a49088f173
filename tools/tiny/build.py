"""Building the tiny model of a class, and saving it as a checkpoint."""

import inspect
import itertools

import torch
import transformers

from reference.checkpoints import Job, tell
from reference.inputs import InputMaker
from reference.messages import Failure
from reference.traced_inputs import choose_traced_inputs, ordered, takes_attentions
from tiny.inputs import inputs_for
from tiny.shrink import PROFILES, tiny_config

MOST = 40_000_000  # parameters


def build(model_type, class_name, seed=0):
    """(the model, its inputs, None), or (the model, None, why no inputs are known for it). Raises what the last profile
    raises when it cannot be built."""
    failure, built = None, None
    for is_read_again, sizes in itertools.product((True, False), PROFILES):
        try:
            model = instance(class_name, tiny_config(model_type, sizes, is_read_again), seed)
        except Exception as error:  # of configurations and classes of any kind
            failure = failure or error
            continue
        try:
            return model, runnable_inputs(model_type, model, seed), None
        except Failure as error:
            built = built or (model, None, str(error))
    if built is None:
        raise failure
    return built


def runnable_inputs(model_type, model, seed):
    """{name: tensor}. Failure when none are known, or the model does not run with them."""
    try:
        if made := inputs_for(model_type, model, seed):
            takes_attentions(model, made, seed)
            return ordered(model, made)
        failure = None
    except Exception as error:  # of a head that takes other inputs than the class which the table is about
        failure = error
    try:
        job = Job(model=None, output=None, seed=seed)
        return choose_traced_inputs(job, model, lambda signature: InputMaker(model, signature, None, seed))[0]
    except Failure as error:
        raise failure if isinstance(failure, Failure) else error


def part_for(model_class, config):
    """The configuration, or that part of it which the class is of, as the decoder of an encoder-decoder."""
    if isinstance(config, model_class.config_class or object):
        return config
    parts = (one for one in vars(config).values() if isinstance(one, model_class.config_class))
    return next(parts, config)


def parameters_of(model_class, config):
    """How many there are to be; 0 when the class cannot be made without them."""
    try:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in model_class(config).parameters())
    except NotImplementedError:
        return 0


def instance(class_name, config, seed):
    """With random weights such that numbers stay near 1."""
    model_class = getattr(transformers, class_name)
    for part in (config, *(one for one in vars(config).values() if isinstance(one, transformers.PretrainedConfig))):
        if hasattr(part, "top_k") and "top_k" not in inspect.signature(type(part).__init__).parameters:
            part.top_k = 50  # of generation, which Transformers 4 keeps in every configuration, and checks
    config = part_for(model_class, config)
    text = config.get_text_config(decoder=True)
    if class_name.endswith("SequenceClassification") and getattr(text, "pad_token_id", 0) is None:
        text.pad_token_id = config.pad_token_id = 0  # by which such heads find the last token
    config._attn_implementation, config._experts_implementation = "eager", "batched_mm"
    count = parameters_of(model_class, config)
    if count > MOST:
        raise MemoryError(f"{count // 1_000_000} million parameters")
    torch.manual_seed(seed)
    model = model_class(config).float().eval()
    tell(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1 and parameter.numel() and parameter.is_floating_point():
                inputs = parameter.numel() // len(parameter)  # of each of its results
                parameter.copy_(min(0.1, inputs**-0.5) * torch.randn(parameter.shape, generator=generator))
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx] = 0  # as training leaves it, and as some classes make it when they load
    return model
