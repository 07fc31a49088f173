"""Files of programs: one for each group of samples and each operation of the database."""

import json
import logging
import re
import warnings

import torch

import database
import samples
from programs import File, operations_of
from reference.taken_apart import known_operations


def file_name(name):
    return re.sub("[^A-Za-z0-9_.]", "_", name)


# Those that `--every` takes of the database.
CORE = """add argmax argsort bmm cat clamp cumsum div expand gather index_put index_select layer_norm masked_fill matmul
mean mul pow scatter scatter_add softmax sort split sum topk transpose tril var where nn.functional.conv2d
nn.functional.gelu nn.functional.layer_norm nn.functional.linear nn.functional.max_pool2d nn.functional.pad.constant
nn.functional.interpolate.bilinear nn.functional.embedding""".split()


class Making:
    def __init__(self, folder, table, keeps):
        self.folder, self.table, self.keeps = folder, table, keeps

    def write(self, name, groups):
        """groups: lists of samples that are exported together."""
        file, not_ours = File(), []
        for group in groups:
            file.add(group, lambda sample, why: not_ours.append({"sample": sample.name, "why": why}))
        stem = file_name(name)
        (self.folder / f"{stem}.not_ours.json").write_text(json.dumps(not_ours))
        if file.entries:
            file.write(self.folder / f"{stem}.safetensors")
            about = [{"sample": one["sample"], "operations": operations_of(one["program"])} for one in file.entries]
            (self.folder / f"{stem}.json").write_text(json.dumps(about))

    def write_info(self, info, count):
        """An operation of the database, if one of its first samples is of the table. What is there stays where that is wanted."""
        name = database.full_name(info)
        if self.keeps and (self.folder / f"{file_name(name)}.not_ours.json").is_file():
            return
        try:
            of_type = [database.samples_of(info, database.DTYPES[0], count)]
            of_type += [database.samples_of(info, dtype, max(2, count // 4)) for dtype in database.DTYPES[1:]]
            free = database.samples_of(info, database.DTYPES[0], max(2, count // 4), free=True)
        except Exception as error:
            print(f"{name}: no samples: {error}")
            return
        first = next((one for one in of_type if one), [])
        probe, why = File(), []
        probe.add([first[i] for i in sorted({0, len(first) // 2, len(first) - 1})] if first else [],
                  lambda sample, text: why.append({"sample": sample.name, "why": text}))
        unknown = [{op for op in operations_of(one["program"]) if op not in self.table} for one in probe.entries]
        if all(unknown):
            why += [{"sample": name, "why": f"not in the table: {', '.join(sorted(ops))}"} for ops in unknown[:1]]
            (self.folder / f"{file_name(name)}.not_ours.json").write_text(json.dumps(why))
            return
        self.write(name, [*of_type, free])


def make(arguments, table):
    arguments.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    making = Making(arguments.folder, table, keeps=not arguments.every)
    with known_operations(table):
        for group in samples.groups():
            if re.search(arguments.only, group.name):
                chosen = group.samples[:: arguments.every or 1]
                making.write(f"hand.{group.name}", [chosen[i : i + 40] for i in range(0, len(chosen), 40)])
        for info in [] if arguments.hand else database.infos():
            name = database.full_name(info)
            if re.search(arguments.only, name) and (not arguments.every or name in CORE):
                making.write_info(info, arguments.samples)
