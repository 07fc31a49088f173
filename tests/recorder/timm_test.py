#!/usr/bin/env python3
"""Tests of what is known of a checkpoint of timm from its configuration; timm itself is not needed."""

import types
import unittest

import recorded_models  # noqa: F401  where the recorder is

from reference import signals, timm_models
from reference.signature import InputSpec


class TimmTest(unittest.TestCase):
    def test_the_class_is_that_of_transformers(self):
        for fields, name in (
            ({"num_classes": 5}, "TimmWrapperForImageClassification"),
            ({}, "TimmWrapperForImageClassification"),
            ({"num_classes": 0}, "TimmWrapperModel"),
        ):
            known = timm_models.with_class({"pretrained_cfg": {}, **fields})
            self.assertEqual((known["model_type"], known["architectures"]), ("timm_wrapper", [name]))

    def test_others_stay_as_they_are(self):
        for fields in ({}, {"architectures": ["BertModel"]}, {"model_type": "timm_wrapper", "pretrained_cfg": {}}):
            self.assertEqual(timm_models.with_class(fields), fields)
        named = {"pretrained_cfg": {}, "architectures": ["A"]}
        self.assertEqual(timm_models.with_class(named)["architectures"], ["A"])

    def test_images_are_as_the_model_was_trained(self):
        spec = InputSpec("pixel_values", True, (-1, -1, -1, -1))
        fixed = types.SimpleNamespace(pretrained_cfg={"input_size": [1, 240, 320], "fixed_input_size": True})
        self.assertEqual(signals.image_shape(fixed, spec), (1, 240, 320))
        self.assertFalse(signals.has_free_size(fixed, spec))
        free = types.SimpleNamespace(pretrained_cfg={"input_size": [1, 240, 320]})
        self.assertEqual(signals.image_shape(free, spec, is_square=False), (1, 224, 160))
        self.assertTrue(signals.has_free_size(free, spec))
        self.assertEqual(signals.image_shape(types.SimpleNamespace(), spec), (3, 224, 224))


if __name__ == "__main__":
    unittest.main()
