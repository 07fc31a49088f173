"""Making a model's inputs by their names, so that they prove something: two lengths, padding, a decoder of several
tokens, no noise alone."""

import dataclasses
import functools

import torch

from reference import images_in_texts, patches, signals, text
from reference.further_inputs import FURTHER
from reference.messages import BAD_INPUT, Failure
from reference.models import field_of
from reference.signature import is_of_fixed_length

CHOICES = 2
ENCODER_LENGTHS = (6, 4)  # of encoder_hidden_states that are given


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the inputs are to look. Lengths are of rows; a row of length 0 is masked wholly."""

    lengths: tuple = (5, 18)
    side: str = "right"
    decoder_lengths: tuple = (5, 3)
    decoder_side: str = "right"
    sounds: tuple = (25.0, 16.3)  # in frames
    shares: tuple = (0.7, 0.25)  # of the time that spectra of a fixed length have a signal
    images: int = 2
    texts: tuple = ()  # for the tokenizer; empty: generated ids
    decoder_shifts: bool = False  # the decoder reads the encoder's ids, shifted: some heads can do no other
    is_square: bool = True
    speaks_of_images: bool = False  # there are tokens of an image in each text


class InputMaker:
    """Makes inputs for one model. The same seed and plan make the same inputs."""

    def __init__(self, model, signature, path, seed):
        self.model, self.config, self.signature, self.path, self.seed = model, model.config, signature, path, seed
        self.limit, self.decoder_limit = text.text_limit(model), text.decoder_limit(model)
        self.notes, self.held = [], {}  # the inputs that the model gets always

    def make(self, names, plan, salt=0):
        """The tensors by name, in this order. Another salt makes other numbers."""
        generator = torch.Generator().manual_seed(self.seed + 1000 * salt)
        sides = {"text": self.text_side(plan, generator), "decoder": self.decoder_side(plan)}
        made = {name: self.make_input(name, plan, sides, generator) for name in names}
        has_images = plan.speaks_of_images and images_in_texts.are_read(self.model, names)
        return images_in_texts.with_images(self.model, made, self.held) if has_images else made

    def text_side(self, plan, generator):
        """(ids, mask) of the texts."""
        if plan.texts and self.signature.find("input_ids"):
            made, note = text.tokenized(self.path, self.config, min(self.limit, 512), list(plan.texts))
            if note and note not in self.notes:
                self.notes.append(note)
            if made is not None:
                return self.with_choices(made)
        mask = text.kept(self.cut(plan.lengths, self.limit), plan.side)
        if self.signature.has_choices():
            mask = mask.repeat_interleave(CHOICES, 0)
        return text.text_ids(mask, self.config, generator), mask

    def with_choices(self, made):
        """Each text as often as there are choices, another one in each place."""
        if not self.signature.has_choices():
            return made
        return tuple(torch.stack([tensor, tensor.flip(0)], 1).flatten(0, 1) for tensor in made)

    def decoder_side(self, plan):
        return text.kept(self.cut(plan.decoder_lengths, self.decoder_limit), plan.decoder_side)

    @staticmethod
    def cut(lengths, limit):
        return tuple(min(length, limit) for length in lengths)

    def choices(self, tensor):
        """[batch * choices, ...] as [batch, choices, ...] where the signature has choices."""
        return tensor.unflatten(0, (-1, CHOICES)) if self.signature.has_choices() else tensor

    def make_input(self, name, plan, sides, generator):
        (ids, mask), decoder_mask = sides["text"], sides["decoder"]
        spec = self.signature.find(name)
        make = {
            "input_ids": lambda: self.choices(ids),
            "attention_mask": lambda: self.attention_mask(plan, mask),
            "token_type_ids": lambda: self.choices(text.token_types(mask, self.config, generator)),
            "bbox": lambda: self.choices(text.boxes(mask, self.config, generator)),
            "position_ids": lambda: self.choices(text.positions(mask, self.limit, generator)),
            "inputs_embeds": lambda: self.choices(self.embeddings(mask, spec, generator)),
            "decoder_input_ids": lambda: self.decoder_ids(plan, ids, decoder_mask, generator),
            "decoder_attention_mask": lambda: mask.clone() if plan.decoder_shifts else decoder_mask,
            "decoder_inputs_embeds": lambda: self.embeddings(
                mask if plan.decoder_shifts else decoder_mask, spec, generator
            ),
            "decoder_position_ids": lambda: text.positions(decoder_mask, self.decoder_limit, generator),
            "encoder_outputs": lambda: self.encoder_outputs(mask, decoder_mask, spec, generator),
            "encoder_hidden_states": lambda: self.encoder_states(mask, spec, generator),
            "encoder_attention_mask": lambda: self.encoder_mask(mask),
            "pixel_values": lambda: self.pixels(plan, spec, generator),
            "pixel_mask": lambda: torch.ones(
                plan.images, *self.image_shape(plan, self.signature.find("pixel_values"))[1:]
            ),
            "input_values": lambda: self.sounds(plan, spec, generator),
            "input_features": lambda: self.spectra(plan, spec, generator),
        }.get(name)
        if make is None and name in FURTHER:
            make = functools.partial(FURTHER[name].make, self, plan, generator)
        tensor = make() if make else self.unknown(spec, mask, generator)
        is_floating = spec is not None and spec.is_floating
        return tensor.float() if is_floating else tensor.long() if not tensor.is_floating_point() else tensor

    def attention_mask(self, plan, mask):
        """Of the texts, or of the sounds where the model takes those."""
        if self.signature.find("input_ids") or self.signature.find("inputs_embeds"):
            return self.choices(mask)
        if self.signature.find("input_values") and not is_of_fixed_length("input_values", self.config):
            return text.kept(self.sound_lengths(plan), "right")
        spec = self.signature.find("input_features")
        shape = signals.spectra_shape(self.config, spec)
        if shape is None:
            what = f"the length that attention_mask has is not known for {type(self.model).__name__}"
            raise Failure(BAD_INPUT, f"{self.path}: {what}; give the inputs with --inputs")
        length = shape[signals.is_mel_first(self.config, spec)]
        return text.kept([max(1, int(share * length)) for share in plan.shares], "right", length)

    def decoder_ids(self, plan, ids, mask, generator):
        if plan.decoder_shifts:
            return text.shift_right(ids, self.config)
        made = text.random_ids(mask, self.config, generator)
        for row, keep in zip(made, mask):
            if keep.any():
                row[keep.nonzero()[0]] = text.start_id(self.config)
        return made

    def width(self, spec, default="hidden_size"):
        given = spec.shape[-1] if spec is not None and spec.shape else -1
        table = self.model.get_input_embeddings()
        weight = getattr(table, "weight", None)
        return given if given > 0 else weight.shape[-1] if weight is not None else field_of(self.config, default)

    def embeddings(self, mask, spec, generator):
        return text.embeddings(self.model, mask, generator, self.width(spec))

    def encoder_mask(self, mask):
        lengths = [ENCODER_LENGTHS[i % len(ENCODER_LENGTHS)] for i in range(len(mask))]
        return text.kept(lengths, "right", max(ENCODER_LENGTHS))

    def encoder_states(self, mask, spec, generator):
        width = spec.shape[-1] if spec is not None and spec.shape[-1] > 0 else field_of(self.config, "hidden_size")
        return torch.randn(len(mask), max(ENCODER_LENGTHS), width, generator=generator)

    def encoder_outputs(self, mask, decoder_mask, spec, generator):
        """Of the texts, or of spectra of a fixed length."""
        length = spec.shape[1] if spec.shape[1] > 0 else mask.shape[-1]
        return torch.randn(len(decoder_mask), length, spec.shape[-1], generator=generator)

    def image_shape(self, plan, spec):
        return signals.image_shape(self.config, spec, plan.is_square)

    def pixels(self, plan, spec, generator):
        """Images, videos, or the patches of images."""
        rank = len(spec.shape) if spec is not None else 4
        if rank < 4:
            return patches.patches(self.config, rank, generator)
        make = self.videos if rank == 5 else self.images
        return make(plan, spec, generator)

    def images(self, plan, spec, generator):
        return signals.images(plan.images, self.image_shape(plan, spec), generator)

    def videos(self, plan, spec, generator):
        frames = signals.frames(self.config, spec)
        return signals.videos(plan.images, frames, self.image_shape(plan, spec), generator)

    def sound_lengths(self, plan):
        one = signals.samples_for(self.config, 1)
        stride = signals.samples_for(self.config, 2) - one
        return [max(1, int(one + (frames - 1) * stride)) for frames in plan.sounds]

    def sounds(self, plan, spec, generator):
        if spec is not None and len(spec.shape) == 3 and spec.shape[1] == 1:
            return signals.sounds(self.sound_lengths(plan), generator).unsqueeze(1)
        if (spec is not None and len(spec.shape) == 3) or is_of_fixed_length("input_values", self.config):
            return self.spectra(plan, spec, generator)
        return signals.sounds(self.sound_lengths(plan), generator)

    def spectra(self, plan, spec, generator):
        shape = signals.spectra_shape(self.config, spec)
        if shape is None:
            what = f"the shape of the spectra is not known for {type(self.model).__name__}"
            raise Failure(BAD_INPUT, f"{self.path}: {what}; give the inputs with --inputs")
        return signals.spectra(shape, signals.is_mel_first(self.config, spec), plan.shares, generator)

    def unknown(self, spec, mask, generator):
        """An input whose meaning is not known: by its type and shape alone."""
        if spec is None:
            raise Failure(BAD_INPUT, f"{self.path}: no such input is known; give the inputs with --inputs")
        free = iter([len(mask), *[mask.shape[-1]] * len(spec.shape)])
        shape = [size if size > 0 else next(free) for size in spec.shape]
        if spec.is_floating:
            return torch.randn(shape, generator=generator)
        return torch.ones(shape, dtype=torch.long) if "mask" in spec.name else torch.zeros(shape, dtype=torch.long)
